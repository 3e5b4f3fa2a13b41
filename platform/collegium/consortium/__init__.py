"""Members and their federation: the card file, creation, joining, and changes of membership."""
