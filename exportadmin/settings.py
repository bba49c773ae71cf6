"""Settings of an Export Admin installation. What differs between installations comes from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from exportadmin import artifacts_url, database
from exportadmin.lib import env
from exportadmin.operations import logs, proxies

BASE_DIR = Path(__file__).resolve().parent.parent
EXPORTADMIN_HOME = env.home(BASE_DIR)
# where "this installation" delivers: the folder, or the store (``bucket/prefix``) in its place
ARTIFACTS_DIR, ARTIFACTS_STORE = artifacts_url.parse(env.text("ARTIFACTS_URL"), EXPORTADMIN_HOME / "artifacts")
MEDIA_DIR = EXPORTADMIN_HOME / "media"

DEBUG = env.flag("DEBUG")
# the first signs, what the others signed stays good
SECRET_KEY, *SECRET_KEY_FALLBACKS = env.strings("SECRET_KEY") or [env.persistent_secret(EXPORTADMIN_HOME, "secret_key")]
ALLOWED_HOSTS = env.strings("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env.strings("CSRF_TRUSTED_ORIGINS")
HTTPS = env.flag("HTTPS")
# whose X-Forwarded-For is believed
TRUSTED_PROXIES = proxies.networks(env.strings("TRUSTED_PROXIES"))
# the first encrypts, all decrypt: a key is replaced by putting the new one in front
ENCRYPTION_KEYS = env.strings("ENCRYPTION_KEY") or env.persistent_secret(EXPORTADMIN_HOME, "encryption_key").split()
# where they are kept, unless the environment has them
ENCRYPTION_KEY_FILE = None if env.strings("ENCRYPTION_KEY") else EXPORTADMIN_HOME / "keys" / "encryption_key"
# the first signs manifests, the others are older ones (exportadmin.lib.signing)
SIGNING_KEYS = env.strings("SIGNING_KEY") or env.persistent_secret(EXPORTADMIN_HOME, "signing_key").split()
# the trail's checkpoints (exportadmin.audit.checkpoints): their file, and how often one is written
CHECKPOINTS_FILE = Path(env.text("CHECKPOINTS_FILE") or EXPORTADMIN_HOME / "audit-checkpoints.ndjson")
CHECKPOINT_MINUTES = env.number("CHECKPOINT_MINUTES", 5, at_least=1)
METRICS_TOKEN = env.text("METRICS_TOKEN")
OUTBOUND_HTTP = env.flag("OUTBOUND_HTTP")  # public hosts without TLS too
OUTBOUND_CA_BUNDLE = env.text("OUTBOUND_CA_BUNDLE")  # a file of certificates that are trusted instead of the usual
# of what there is for all, so much for one project and one person (connections.access.quotas); 0: no limit
QUOTA_QUEUED_PROJECT = env.number("QUOTA_QUEUED_PROJECT", 250)
QUOTA_QUEUED_PERSON = env.number("QUOTA_QUEUED_PERSON", 250)
QUOTA_RUNS_PROJECT = env.number("QUOTA_RUNS_PROJECT", 5000)
QUOTA_RUNS_PERSON = env.number("QUOTA_RUNS_PERSON", 2000)
QUOTA_LINKS_PROJECT = env.number("QUOTA_LINKS_PROJECT", 1000)
QUOTA_LINKS_PERSON = env.number("QUOTA_LINKS_PERSON", 250)
QUOTA_IMPORTS_PROJECT = env.number("QUOTA_IMPORTS_PROJECT", 500)
QUOTA_IMPORTS_PERSON = env.number("QUOTA_IMPORTS_PERSON", 500)
RETENTION_DAYS = env.number("RETENTION_DAYS", 0)  # 0: delivered files are kept for ever
# the nightly proof of all deliveries (exports.run.nightly): when it begins (UTC; None: never), how long it goes on,
# how a delivery is looked at, and how much is read in a night
PROOF_AT = env.time_of_day("PROOF_AT", "03:00")
PROOF_HOURS = env.number("PROOF_HOURS", 5, at_least=1)
PROOF_HOW = env.choice("PROOF_HOW", "sampled", ("attributes", "sampled", "full"))
PROOF_BYTES = env.number("PROOF_BYTES", 50 * 1000**3)
# one file for an import; it is kept on disk until the import has ended
IMPORT_MAX_BYTES = env.number("IMPORT_MAX_BYTES", 20 * 1024**3, at_least=1)
# seconds in which an export that a platform makes may not move before it is given up
PLATFORM_PATIENCE = env.number("PLATFORM_PATIENCE", 900, at_least=1)
# seconds
SYNC_OVERLAP = env.number("SYNC_OVERLAP", 600, at_least=60)
# seconds for an answer of a platform, but for files; and the largest file that is fetched from one
PLATFORM_ANSWER_SECONDS = env.number("PLATFORM_ANSWER_SECONDS", 60, at_least=1)
PLATFORM_FILE_BYTES = env.number("PLATFORM_FILE_BYTES", 20 * 1024**3, at_least=1)
# the largest picture that goes into an export, and how many bytes of them go into one
PICTURE_BYTES = env.number("PICTURE_BYTES", 50 * 1024**2, at_least=1)
PICTURES_BYTES = env.number("PICTURES_BYTES", 20 * 1024**3, at_least=1)
UPLOADS_DIR = EXPORTADMIN_HOME / "uploads"
FILE_UPLOAD_HANDLERS = ["exportadmin.lib.uploads.StagedUploads"]

INSTALLED_APPS = [
    "exportadmin.admin_app.AdminConfig",
    "connections.access",  # before Django's: its createsuperuser and changepassword take the place of theirs
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "django_filters",
    "django_htmx",
    # django-tables2 is used as a library, in one view: as an app, with none of its templates in use, it would load
    # psycopg into every process, a fifth of what a shell command needs to start
    "exportadmin",
    "exportadmin.audit",
    "exportadmin.installation",
    "connections",
    "connections.store",
    "connections.sync",
    "exports",
]

MIDDLEWARE = [
    "exportadmin.operations.proxies.TrustedProxiesMiddleware",
    "exportadmin.audit.middleware.RequestIdMiddleware",
    "exportadmin.operations.logs.RequestLogMiddleware",
    "exportadmin.operations.unavailable.UnavailableMiddleware",
    "exportadmin.operations.health.ProbesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "exportadmin.operations.bodies.BodyLimitsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "exportadmin.lib.pages.RefusalsMiddleware",
    "connections.access.middleware.SessionUseMiddleware",
    "connections.access.middleware.TimeZoneMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "exportadmin.urls"
# who may read how much of the trail: request → (everything?, public ids of projects)
AUDIT_SCOPE = "connections.access.audit_scope.audit_scope"
FORM_RENDERER = "exportadmin.lib.forms.FormRenderer"
WSGI_APPLICATION = "exportadmin.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "exportadmin.navigation.frame",
                "connections.access.preferences.page_theme",
            ],
        },
    },
]

# --- database: SQLite in the home folder, or PostgreSQL by URL -------------------------------------------------------
DATABASES = {
    "default": database.from_url(env.text("DATABASE_URL") or f"sqlite:///{EXPORTADMIN_HOME / 'exportadmin.sqlite3'}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL: readers and the one writer do not wait for each other. IMMEDIATE: a transaction that will write takes its
    # lock at the start and waits, instead of failing half way with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        # Rows are some 4 KB of text: on pages of 4 KB each hangs in a chain of pages of its own, which cost a third of
        # an import's and of an export's time with the database. Only a new database takes the size of its pages. The
        # log is put into the database at 16 MB; a connection holds 8 MB.
        "init_command": "PRAGMA page_size=16384;PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
        "PRAGMA wal_autocheckpoint=1000;PRAGMA cache_size=-8000;",
    }
    if DATABASES["default"]["NAME"] not in (":memory:", ""):
        # the suite runs exports, which read through a connection of their own: the test database must be a file
        DATABASES["default"]["TEST"] = {"NAME": str(EXPORTADMIN_HOME / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # django-q2 keeps its heartbeat here; a file cache is seen by every process and costs no database writes
    "q": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(EXPORTADMIN_HOME / "cache" / "q"),
    },
    # what one web process began, and another one may be asked to go on with
    "shared": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(EXPORTADMIN_HOME / "cache" / "shared"),
    },
}

# django-q2 tells a worker to look, and is never the record: it loses, repeats and holds back tasks
Q_CLUSTER = {
    "name": "exportadmin",
    "orm": "default",
    "workers": env.number("WORKERS", 2, at_least=1),
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.5,
    "timeout": 6 * 3600,
    "retry": 7 * 3600,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 500,
    "recycle": 200,
    "cache": "q",
}

# --- people and browsers ---------------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# five failed sign-ins of a name from an address close it for a quarter of an hour (exportadmin/sign_in.py)
AUTHENTICATION_BACKENDS = ["exportadmin.sign_in.ThrottleBackend", "connections.access.backend.PeopleBackend"]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "exportadmin.sign_in.address"
AXES_USERNAME_CALLABLE = "exportadmin.sign_in.typed_name"
AXES_LOCKOUT_CALLABLE = "exportadmin.sign_in.closed"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "next"]
AXES_ENABLE_ADMIN = False  # what it keeps, the trail tells better; and there nobody can delete it
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# so long an invitation is good (connections.access.invitations)
PASSWORD_RESET_TIMEOUT = 3600 * env.number("INVITATION_HOURS", 72, at_least=1)
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
# the database keeps digests of the keys; a session ends so long after the sign-in, and so long after its last use
SESSION_ENGINE = "connections.access.sessions"
USUAL_SESSION = (
    timedelta(hours=env.number("SESSION_HOURS", 14 * 24, at_least=1)),
    timedelta(hours=env.number("SESSION_IDLE_HOURS", 3 * 24, at_least=1)),
)
SUPERUSER_SESSION = (
    timedelta(hours=env.number("SUPERUSER_SESSION_HOURS", 12, at_least=1)),
    timedelta(hours=env.number("SUPERUSER_SESSION_IDLE_HOURS", 1, at_least=1)),
)
SESSION_COOKIE_AGE = int(max(USUAL_SESSION[0], SUPERUSER_SESSION[0]).total_seconds())
CSRF_FAILURE_VIEW = "exportadmin.lib.pages.csrf_failure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^metrics$"]  # scraped in plain http from this machine
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

REST_FRAMEWORK = {
    # the token first: its header is what a 401 asks for; a browser session works too, with CSRF
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "connections.access.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "exportadmin.lib.throttles.AddressThrottle",
        "exportadmin.lib.throttles.PersonThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.text("THROTTLE_ANONYMOUS", "60/min"),
        "user": env.text("THROTTLE_USER", "1200/min"),
    },
    "EXCEPTION_HANDLER": "exportadmin.lib.rest.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Export Admin",
    "DESCRIPTION": "Define, run, deliver, verify and audit exports of annotation data.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # fields of one name with several vocabularies
    "ENUM_NAME_OVERRIDES": {
        "FormatEnum": "exports.api.spec.format_keys",
        "IncludeEnum": "connections.rows.batch.ALL_PARTS",
        "ConvertedPartEnum": "connections.rows.batch.PARTS",
        "ImportFormatEnum": "connections.store.imports.serializers.format_keys",
        "ImportStatusEnum": "connections.store.imports.serializers.STATES",
        "ProofResultEnum": "exports.models.proof.RESULTS",
        "ReportStatusEnum": "exportadmin.runs.statuses.choices",
        "SyncModeEnum": "connections.sync.serializers.DECIDED",
        "SyncWantedEnum": "connections.sync.serializers.WANTED",
        "StatusesEnum": "connections.store.imports.serializers.REVIEW_STATUSES",
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = EXPORTADMIN_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "exportadmin.static_storage.Storage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

LOGGING = logs.configuration(env.text("LOG_LEVEL", "INFO"), env.text("LOG_FORMAT"))
