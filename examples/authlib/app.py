import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template_string, session, url_for

app = Flask(__name__)
app.secret_key = os.environ["SESSION_SECRET"]

oauth = OAuth(app)
oauth.register(
    "postern",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


@app.get("/login")
def login():
    return oauth.postern.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback():
    session["user"] = oauth.postern.authorize_access_token()["userinfo"]
    return redirect("/")


@app.get("/logout")
def logout():
    session.clear()
    return redirect("/")


PAGE = """<!doctype html><title>Example</title>
{% if user %}<h1>Hello, {{ user.name }}</h1><p>{{ user.email }}</p><a href="/logout">Sign out</a>
{% else %}<h1>Not signed in</h1><a href="/login">Sign in</a>{% endif %}"""


@app.get("/")
def index():
    return render_template_string(PAGE, user=session.get("user"))


app.run("localhost", int(os.environ["PORT"]))
