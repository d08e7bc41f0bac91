"""How the six digits of a user's password are hashed (D14.3)."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class DigitsHasher(Argon2PasswordHasher):
    """Argon2id with the least that OWASP asks for, a fifth of Django's: a million passwords are tried soon whatever one
    costs, so what guards them is the lock after a few wrong ones, and a hall that opens five users a second pays."""

    algorithm = "argon2digits"
    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1
