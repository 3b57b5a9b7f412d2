/**
 * A key and its certificate for the QUIC server of the benchmarks: QUIC has no mode without them. They
 * are public, so they prove nothing to anybody.
 *
 * @module
 */

/** Name of the server in the certificate. */
export const SERVER_NAME = "localhost";

/** PKCS #8, P-256. */
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggMFjThDIC/3OMUvM
OKI8J4yAT7iB4wuBPU6+8+Oi2QahRANCAAS3NtO7CXAhZzcApG0F1HSpu/pervLO
MnzNam8KgDt1UyZvCXb/+lvQJWb965SiCyeF36da/7N5fYddPzovBZRa
-----END PRIVATE KEY-----
`;

/** Self-signed, valid until 2126. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkjCCATigAwIBAgIUD3TAW03EoUH9Sy5BmJ/Dm8H4vIowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjA0MjIyMVoYDzIxMjYxMTAy
MDQyMjIxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS3NtO7CXAhZzcApG0F1HSpu/pervLOMnzNam8KgDt1UyZvCXb/+lvQ
JWb965SiCyeF36da/7N5fYddPzovBZRao2YwZDAdBgNVHQ4EFgQUBJDhJQf+AEq3
EAjAbwannX3EJBIwHwYDVR0jBBgwFoAUBJDhJQf+AEq3EAjAbwannX3EJBIwFAYD
VR0RBA0wC4IJbG9jYWxob3N0MAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDSAAw
RQIhAJgAHD9SsXCKUyHsBgiI2pxBRIPaidt1ZwTo7BifhwiXAiB9dg3Cu7iz7V8i
i4Lo5b4Nx+n9vy74BeNFuJGAWszYxg==
-----END CERTIFICATE-----
`;
