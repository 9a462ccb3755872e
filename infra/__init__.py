"""The Azure deployment: Bicep templates and the programs that apply them. Standard library only."""
