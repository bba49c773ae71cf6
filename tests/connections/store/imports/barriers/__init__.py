"""Has imports wait at places, from which a test kills their worker."""
