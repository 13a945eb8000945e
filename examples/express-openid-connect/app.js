import express from 'express';
import { auth } from 'express-openid-connect';
import { page } from '../html.js';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SESSION_SECRET, PORT } = process.env;

const app = express();
app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://localhost:${PORT}`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: SESSION_SECRET,
    authRequired: false,
    idpLogout: true,
    authorizationParams: { response_type: 'code', scope: 'openid profile email' },
  }),
);
app.get('/', (req, res) => {
  res.send(page(req.oidc.user, { signIn: '/login', signOut: '/logout' }));
});
app.listen(PORT, '127.0.0.1');
