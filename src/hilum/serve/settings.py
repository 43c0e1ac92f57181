"""Django's settings, made from the options of the served archive (`hilum.serve.options`)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.messages import constants as messages

from hilum.serve.assets.store import default_folder
from hilum.serve.operations.logs import CONFIGURATION
from hilum.serve.options import Options

OPTIONS = Options.load()
ASSETS_FOLDER = default_folder()

SECRET_KEY = OPTIONS.secret_key()
DEBUG = False
ALLOWED_HOSTS = OPTIONS.allowed_hosts
ROOT_URLCONF = "hilum.serve.urls"
ASGI_APPLICATION = "hilum.serve.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "hilum.serve.accounts",
    "hilum.serve.access",
    "hilum.serve.published",
    "hilum.serve.dicomweb",
    "hilum.serve.portal",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    # After the portal, whose templates of forms count.
    "django.forms",
]
MIDDLEWARE = [
    "hilum.serve.operations.observe.observe",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "hilum.serve.operations.observe.strict_headers",
    "hilum.serve.operations.hardening.harden",
    "hilum.serve.access.identify.tokens",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "hilum.serve.accounts.forced_change.ForcedChange",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hilum.serve.portal.context.site",
            ]
        },
    }
]

DATABASES = {"default": OPTIONS.database_settings()}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
"""In the database, so that limits of attempts hold across workers; too large for anybody to push out their count."""

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "hilum.serve.accounts.stewards.StewardBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "hilum.serve.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(OPTIONS.address).scheme
LOGIN_REDIRECT_URL = "account"
LOGIN_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = OPTIONS.site_name
SOCIALACCOUNT_PROVIDERS = OPTIONS.identity_providers()
# The house's provider is chosen by whoever runs the site: an address that it has verified is that person's.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True

_MAIL = OPTIONS.mail_settings()
EMAIL_BACKEND = _MAIL["BACKEND"]
EMAIL_HOST, EMAIL_PORT = _MAIL.get("HOST", ""), _MAIL.get("PORT", 0)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.get("HOST_USER", ""), _MAIL.get("HOST_PASSWORD", "")
EMAIL_USE_SSL, EMAIL_USE_TLS = _MAIL.get("USE_SSL", False), _MAIL.get("USE_TLS", False)
EMAIL_TIMEOUT = _MAIL.get("TIMEOUT")
DEFAULT_FROM_EMAIL = OPTIONS.mail_from

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "hilum.serve.operations.static_files.DigestStorage"},
}
MESSAGE_TAGS = {messages.SUCCESS: "good", messages.ERROR: "bad"}
LOGGING = CONFIGURATION

CSRF_TRUSTED_ORIGINS = [OPTIONS.address]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OPTIONS.is_https
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = OPTIONS.is_https
SECURE_REDIRECT_EXEMPT = ["^health"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if OPTIONS.is_https else 0
SILENCED_SYSTEM_CHECKS = [
    # Other names of the domain are not this site's to decide about.
    "security.W005",
    "security.W021",
]
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        f"form-action 'self' {OPTIONS.oidc_origin}".rstrip(),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
"""Of every page that sets none itself; a browser also holds the redirect of a form to ``form-action``."""

PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
