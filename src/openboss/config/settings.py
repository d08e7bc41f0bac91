"""Django's settings, derived from the operator's options. Nothing here is edited to configure an installation."""

from __future__ import annotations

from csp.constants import NONE, SELF, UNSAFE_INLINE

from openboss.config.database import django_databases
from openboss.config.logs import configure_logs
from openboss.config.options import options
from openboss.modules.system.keys import open_keyring

_options = options()

DEBUG = _options.debug
DATA_DIR = _options.data_dir
LAKE_DIR = _options.lake_dir
INBOX_DIR = _options.inbox_dir
KEYS_FILE = _options.keys_file
SHARDS = _options.shards
WEB_PAYMENTS = _options.web_payments

SECRET_KEY = open_keyring(KEYS_FILE).signing_key.hex()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", _options.web_host, *_options.allowed_hosts]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "csp",
    "procrastinate.contrib.django",
    "allauth",
    "allauth.account",
    "allauth.idp.oidc",
    "ninja",
    "openboss.modules.system",
    "openboss.modules.workflow",
    "openboss.modules.catalog",
    "openboss.modules.customers",
    "openboss.modules.resources",
    "openboss.modules.orders",
    "openboss.modules.charging",
    "openboss.modules.billing",
    "openboss.modules.receivables",
    "openboss.access.console",
    "openboss.access.kiosk",
    "openboss.access.selfcare",
]
AUTH_USER_MODEL = "system.Staff"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "openboss.config.urls"
WSGI_APPLICATION = "openboss.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = django_databases(database_url=_options.database_url, cluster_dir=_options.cluster_dir)

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",  # of staff
    "openboss.modules.customers.digits.DigitsHasher",  # of customers: the last one
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
_JOBS = ("schedule", "money_runs", "bill_delivery", "stalled_jobs", "people_work", "key_customers")
PROCRASTINATE_IMPORT_PATHS = [f"openboss.access.jobs.{name}" for name in _JOBS]

# Other systems get their tokens from allauth's OAuth 2 server; people log in by the console's own page.
ACCOUNT_USER_MODEL_USERNAME_FIELD = "login"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN = 3600

LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE = _options.language
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _options.timezone

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True  # the console's assets are few and committed: no separate collection step
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600

# Bars and charts set their width as an attribute; nothing else may be inline, and scripts never.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "openboss_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "openboss.access.console.views.account.csrf_failed"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _options.https
SECURE_HSTS_SECONDS = 31_536_000 if _options.https else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _options.https else None

LOGGING_CONFIG = None
configure_logs(as_json=_options.log_json, debug=DEBUG)
