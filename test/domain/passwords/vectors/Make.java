import java.util.Map;
import org.apache.shiro.authc.credential.DefaultPasswordService;
import org.apache.shiro.crypto.hash.DefaultHashService;
import org.apache.shiro.crypto.hash.format.Shiro1CryptFormat;
import org.springframework.security.crypto.factory.PasswordEncoderFactories;
import org.springframework.security.crypto.password.DelegatingPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;

/**
 * Prints vectors of Spring Security 6.5 and Shiro 2.0, a JSON object a line. With the jars of spring-security-crypto,
 * shiro-core, shiro-lang, shiro-crypto-core, shiro-crypto-hash, shiro-hashes-argon2, bcprov, slf4j-api and
 * commons-logging (Maven Central) in a folder: java -cp 'jars/*' Make.java
 */
class Make {
  private static final String PASSWORD = "hälso-日本";

  private static void give(String tool, String hash) {
    System.out.printf("{\"password\":\"%s\",\"tool\":\"%s\",\"hash\":\"%s\"}%n", PASSWORD, tool, hash);
  }

  public static void main(String[] arguments) {
    PasswordEncoder all = PasswordEncoderFactories.createDelegatingPasswordEncoder();
    give("Spring Security 6.5", all.encode(PASSWORD));
    for (String id : new String[] {"ldap", "MD4", "MD5", "SHA-1", "SHA-256", "sha256", "pbkdf2", "pbkdf2@SpringSecurity_v5_8", "scrypt", "scrypt@SpringSecurity_v5_8", "argon2", "argon2@SpringSecurity_v5_8"}) {
      Map<String, PasswordEncoder> one = Map.of(id, encoderOf(id));
      give("Spring Security 6.5", new DelegatingPasswordEncoder(id, one).encode(PASSWORD));
    }
    DefaultPasswordService shiro = new DefaultPasswordService();
    give("Shiro 2.0", shiro.encryptPassword(PASSWORD));
    DefaultHashService hashes = new DefaultHashService();
    hashes.setDefaultAlgorithmName("SHA-512");
    shiro.setHashService(hashes);
    shiro.setHashFormat(new Shiro1CryptFormat());
    give("Shiro 2.0", shiro.encryptPassword(PASSWORD));
  }

  @SuppressWarnings("deprecation")
  private static PasswordEncoder encoderOf(String id) {
    return switch (id) {
      case "ldap" -> new org.springframework.security.crypto.password.LdapShaPasswordEncoder();
      case "MD4" -> new org.springframework.security.crypto.password.Md4PasswordEncoder();
      case "MD5", "SHA-1", "SHA-256" -> new org.springframework.security.crypto.password.MessageDigestPasswordEncoder(id);
      case "sha256" -> new org.springframework.security.crypto.password.StandardPasswordEncoder();
      case "pbkdf2" -> org.springframework.security.crypto.password.Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_5();
      case "scrypt" -> org.springframework.security.crypto.scrypt.SCryptPasswordEncoder.defaultsForSpringSecurity_v4_1();
      case "argon2" -> org.springframework.security.crypto.argon2.Argon2PasswordEncoder.defaultsForSpringSecurity_v5_2();
      case "pbkdf2@SpringSecurity_v5_8" -> org.springframework.security.crypto.password.Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_8();
      case "scrypt@SpringSecurity_v5_8" -> org.springframework.security.crypto.scrypt.SCryptPasswordEncoder.defaultsForSpringSecurity_v5_8();
      default -> org.springframework.security.crypto.argon2.Argon2PasswordEncoder.defaultsForSpringSecurity_v5_8();
    };
  }
}
