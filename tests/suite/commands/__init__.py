"""The commands as a user types them: what they refuse, where they write, what they say."""
