"""Two versions of one framework side by side: what computes differently, case by case and on the smallest case."""
