#!/bin/sh
# Prints vectors of OpenSSL, OpenLDAP's slappasswd and mkpasswd (Debian: openssl slapd whois), a JSON object a line.
A='old hash, new home'
B='hälso-日本'
give() { printf '{"password":"%s","tool":"%s","hash":"%s"}\n' "$1" "$2" "$3"; }
openssl=$(openssl version | cut -d' ' -f1,2)
for scheme in 1 apr1 5 6; do
  give "$B" "$openssl passwd" "$(openssl passwd -$scheme "$B")"
done
for scheme in '{SSHA}' '{SHA}' '{SMD5}' '{MD5}'; do
  give "$B" 'OpenLDAP slappasswd' "$(slappasswd -h "$scheme" -s "$B")"
done
give "$A" 'OpenLDAP slappasswd' "$(slappasswd -h '{CRYPT}' -c '$6$%.12s' -s "$A")"
# Debian has the overlays as modules.
for overlay in 'pw-sha2 {SSHA256}' 'pw-sha2 {SSHA384}' 'pw-sha2 {SSHA512}' 'pw-sha2 {SHA256}' 'pw-sha2 {SHA512}' 'pw-pbkdf2 {PBKDF2}' 'pw-pbkdf2 {PBKDF2-SHA256}' 'pw-pbkdf2 {PBKDF2-SHA512}' 'argon2 {ARGON2}'; do
  module=${overlay% *}
  hash=$(slappasswd -o module-path=/usr/lib/ldap -o module-load="$module" -h "${overlay#* }" -s "$B" 2>/dev/null) && give "$B" "OpenLDAP $module" "$hash"
done
for method in md5crypt sha256crypt sha512crypt bcrypt; do
  rounds=$([ $method = bcrypt ] && echo '-R 5')
  give "$B" 'mkpasswd of whois' "$(printf %s "$B" | mkpasswd -s -m $method $rounds)"
done
