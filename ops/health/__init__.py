"""Whether a night could run here: settings, folders, storage, credentials, age."""
