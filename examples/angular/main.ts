// @ts-nocheck: compiled as Angular's own tools do, which are not part of this repository.
import '@angular/compiler';
import 'zone.js';
import { Component, inject, provideZoneChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideHttpClient } from '@angular/common/http';
import { OAuthService, provideOAuthClient } from 'angular-oauth2-oidc';

@Component({
  selector: 'app-root',
  template: `
    @if (claims(); as user) {
      <h1>Hello, {{ user['name'] }}</h1>
      <p>{{ user['email'] }}</p>
      <button (click)="oauth.logOut()">Sign out</button>
    } @else {
      <h1>Not signed in</h1>
      <button (click)="oauth.initCodeFlow()">Sign in</button>
    }
  `,
})
class App {
  oauth = inject(OAuthService);
  claims = () => this.oauth.getIdentityClaims();

  constructor() {
    this.oauth.configure({
      issuer: ISSUER,
      clientId: CLIENT_ID,
      redirectUri: `${location.origin}/callback`,
      postLogoutRedirectUri: `${location.origin}/`,
      responseType: 'code',
      scope: 'openid profile email',
      // For the http issuer of a server on this machine alone.
      requireHttps: 'remoteOnly',
    });
    void this.oauth.loadDiscoveryDocumentAndTryLogin();
  }
}

await bootstrapApplication(App, {
  providers: [provideZoneChangeDetection(), provideHttpClient(), provideOAuthClient()],
});
