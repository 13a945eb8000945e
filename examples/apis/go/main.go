// Command example is an API that takes Postern's access tokens, with go-oidc.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// claims are what the API reads of an access token (RFC 9068 section 2.2).
type claims struct {
	Subject string `json:"sub"`
	Client  string `json:"client_id"`
	Scope   string `json:"scope"`
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("WWW-Authenticate", `Bearer error="`+code+`"`)
	w.WriteHeader(status)
}

func main() {
	provider, err := oidc.NewProvider(context.Background(), os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	// The audience stands where an app's client_id would.
	verifier := provider.Verifier(&oidc.Config{
		ClientID:             os.Getenv("AUDIENCE"),
		SupportedSigningAlgs: []string{oidc.ES256},
	})

	requires := func(scope string, handle func(http.ResponseWriter, claims)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			var token claims
			verified, err := verifier.Verify(r.Context(), raw)
			if err != nil || verified.Claims(&token) != nil {
				refuse(w, http.StatusUnauthorized, "invalid_token")
				return
			}
			if !slices.Contains(strings.Fields(token.Scope), scope) {
				refuse(w, http.StatusForbidden, "insufficient_scope")
				return
			}
			handle(w, token)
		}
	}

	http.HandleFunc("GET /orders", requires("orders:read", func(w http.ResponseWriter, token claims) {
		json.NewEncoder(w).Encode(map[string]string{"subject": token.Subject, "client": token.Client})
	}))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
