"""Stops the real pipeline at named places, where a report's name asks for it."""
