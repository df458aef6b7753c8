#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::tests
{

/// What to do wrong. Everything unset is done right.
struct AuthenticatorKnobs {
    std::optional<std::string> type{};      // of clientDataJSON
    std::optional<std::string> challenge{}; // base64url as it goes into clientDataJSON
    std::optional<std::string> origin{};
    std::optional<bool> cross_origin{}; // unset: the key is false
    std::optional<std::string> top_origin{};
    std::optional<std::string> rp_id{}; // hashed into the authenticator data
    bool user_present = true;
    bool user_verified = true;
    std::optional<std::uint32_t> counter{}; // unset: one more than the last
    bool break_signature = false;
    std::optional<std::string> user_handle{};   // raw; "" leaves it out
    std::optional<std::string> credential_id{}; // raw: claims another credential
    std::optional<std::string> format{};        // attestation format, "none" unless set
    std::optional<std::string> aaguid{};        // 16 bytes, zero unless set
    /// The CBOR of the attestation statement over these bytes, in place of our own.
    std::function<std::string(const std::string& signed_bytes)> statement{};
    std::string extra_client_data{}; // JSON members to add, as Chromium does: "\"x\":1"
    std::string extra_auth_data{};   // bytes appended to the authenticator data
};

/// A passkey in software, browser and authenticator in one: answers options JSON as navigator.credentials would.
/// One credential an object, made by `create`.
class SoftAuthenticator
{
  public:
    static constexpr int es256 = -7, rs256 = -257;

    explicit SoftAuthenticator(std::string origin, int algorithm = es256);
    ~SoftAuthenticator();

    /// PublicKeyCredentialCreationOptionsJSON -> RegistrationResponseJSON (attestation "none").
    [[nodiscard]] std::string create(std::string_view options, const AuthenticatorKnobs& knobs = {});
    /// PublicKeyCredentialRequestOptionsJSON -> AuthenticationResponseJSON.
    [[nodiscard]] std::string get(std::string_view options, const AuthenticatorKnobs& knobs = {});

    [[nodiscard]] const std::string& credential_id() const; // raw
    [[nodiscard]] std::string public_key() const;           // COSE_Key bytes

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace stepgate::tests
