"""A Django project of one file: what both Django examples share."""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.http import HttpResponse
from django.template import Context, Engine

PAGE = Engine().from_string(
    """<!doctype html><title>Example</title>
{% if user.is_authenticated %}<h1>Hello, {{ user.get_full_name }}</h1><p>{{ user.email }}</p>
<form method="post" action="{{ sign_out }}"><input type="hidden" name="csrfmiddlewaretoken" value="{{ token }}">
<button>Sign out</button></form>
{% else %}<h1>Not signed in</h1><a href="{{ sign_in }}">Sign in</a>{% endif %}"""
)


def page(request, sign_in, sign_out):
    from django.middleware.csrf import get_token

    context = {"user": request.user, "sign_in": sign_in, "sign_out": sign_out, "token": get_token(request)}
    return HttpResponse(PAGE.render(Context(context)))


def configure(apps, middleware=(), **more):
    settings.configure(
        DEBUG=True,
        SECRET_KEY=os.environ["SESSION_SECRET"],
        ROOT_URLCONF="__main__",
        ALLOWED_HOSTS=["localhost"],
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *apps,
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *middleware,
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        LOGIN_REDIRECT_URL="/",
        LOGOUT_REDIRECT_URL="/",
        **more,
    )
    django.setup()


def run():
    call_command("migrate", verbosity=0)
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", "localhost:" + os.environ["PORT"]])
