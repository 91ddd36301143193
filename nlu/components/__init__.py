"""Custom Rasa graph components, named in config.yml by their dotted path."""
