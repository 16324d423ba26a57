"""Cases from a user's own model: the convolutions of a file or a program, and a spec file with a case for each."""
