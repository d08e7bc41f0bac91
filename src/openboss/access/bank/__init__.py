"""Files of banks and collectors: requests of direct debit out, answers and collections in."""
