"""From files to frozen definitions: reading, checking, telling what is wrong, and where the files come from."""
