"""Call control: placing and answering calls, starting and stopping their streaming, hanging up."""
