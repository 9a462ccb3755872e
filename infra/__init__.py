"""The system on Azure: Bicep, and what deploys it. Needs no package but Python's own."""
