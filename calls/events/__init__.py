"""What others are told about calls: the events, and who gets them how."""
