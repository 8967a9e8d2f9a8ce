"""What a function needs to run elsewhere: values, exceptions, functions as bytes, and back."""
