"""What a prompt says around a framework's own texts, a language a file."""
