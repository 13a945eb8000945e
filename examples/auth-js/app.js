import { ExpressAuth, getSession } from '@auth/express';
import express from 'express';
import { page } from '../html.js';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, AUTH_SECRET, PORT } = process.env;

const authConfig = {
  secret: AUTH_SECRET,
  trustHost: true,
  providers: [
    {
      id: 'postern',
      name: 'Postern',
      type: 'oidc',
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
    },
  ],
};

const app = express();
app.use('/auth', ExpressAuth(authConfig));
app.get('/', async (req, res) => {
  const session = await getSession(req, authConfig);
  res.send(page(session?.user, { signIn: '/auth/signin', signOut: '/auth/signout' }));
});
app.listen(PORT, '127.0.0.1');
