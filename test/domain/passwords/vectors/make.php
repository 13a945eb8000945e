<?php
// Prints vectors of PHP's functions, a JSON object a line: php make.php
const A = 'old hash, new home';
const B = 'hälso-日本';

function give(string $tool, string $password, string $hash, ?string $format = null, ?array $params = null): void
{
    $vector = ['password' => $password, 'tool' => $tool, 'hash' => $hash];
    if ($format !== null) $vector['format'] = $format;
    if ($params !== null) $vector['params'] = $params;
    echo json_encode($vector, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
}

$php = 'PHP ' . PHP_VERSION;
$long = str_repeat('x', 71) . 'é and what nobody reads';
give("$php password_hash", B, password_hash(B, PASSWORD_BCRYPT, ['cost' => 5]));
give("$php password_hash", $long, password_hash($long, PASSWORD_BCRYPT, ['cost' => 4]));
foreach ([A, B, "\u{ff}\u{20ac}", 'ÀÉÎÕÜ'] as $password)
    foreach (['2a', '2x', '2y'] as $minor)
        give("$php crypt", $password, crypt($password, "\$$minor\$04\$" . 'Kzq3MfC0vR2XaWnE1tYbUu'));
foreach (['$1$8charact$', '$5$rounds=1000$saltsalt$', '$5$a$', '$6$rounds=4321$sixteencharacter$', '$6$a$'] as $setting)
    give("$php crypt", B, crypt(B, $setting));
if (defined('PASSWORD_ARGON2ID')) {
    give("$php password_hash", A, password_hash(A, PASSWORD_ARGON2ID, ['memory_cost' => 1024, 'time_cost' => 2]));
    give("$php password_hash", B, password_hash(B, PASSWORD_ARGON2I, ['memory_cost' => 1024, 'time_cost' => 2]));
}
foreach (['md4', 'md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'ripemd160', 'whirlpool'] as $algorithm) {
    give("$php hash", B, hash($algorithm, B . 'a$salt'), 'digest', ['algorithm' => $algorithm, 'salt' => 'a$salt', 'salt_position' => 'suffix']);
    give("$php hash_hmac", B, base64_encode(hash_hmac($algorithm, B, 'a key', true)), 'hmac', ['algorithm' => $algorithm, 'key' => 'a key', 'encoding' => 'base64']);
    give("$php hash_hmac", A, hash_hmac($algorithm, A, str_repeat('long ', 40)), 'hmac', ['algorithm' => $algorithm, 'key' => str_repeat('long ', 40)]);
    give("$php hash_pbkdf2", A, hash_pbkdf2($algorithm, A, 'salted', 100, 64), 'pbkdf2', ['algorithm' => $algorithm, 'iterations' => 100, 'salt' => 'salted']);
}
$hex = hash('sha256', 'pre' . A);
for ($round = 1; $round < 100; $round++) $hex = hash('sha256', $hex);
give("$php hash", A, $hex, 'digest', ['algorithm' => 'sha256', 'salt' => 'pre', 'iterations' => 100, 'iterate_over' => 'digest_hex']);
$raw = hash('md5', A, true);
for ($round = 1; $round < 50; $round++) $raw = hash('md5', $raw . A, true);
give("$php hash", A, bin2hex($raw), 'digest', ['algorithm' => 'md5', 'iterations' => 50, 'iterate_over' => 'digest_password']);
$raw = hash('sha1', A, true);
for ($round = 1; $round < 50; $round++) $raw = hash('sha1', $raw, true);
give("$php hash", A, base64_encode($raw), 'digest', ['algorithm' => 'sha1', 'iterations' => 50, 'encoding' => 'base64']);
give("$php hash", B, hash('sha256', 'pepper' . B), 'digest', ['algorithm' => 'sha256', 'pepper' => 'pepper', 'pepper_position' => 'prefix']);
give("$php password_hash", B, password_hash(base64_encode(hash('sha384', B, true)), PASSWORD_BCRYPT, ['cost' => 4]), 'bcrypt', ['prehash' => 'sha384_base64']);
give("$php hash", 'ÿé', hash('sha1', "\xff\xe9"), 'digest', ['algorithm' => 'sha1', 'password_encoding' => 'latin1']);
