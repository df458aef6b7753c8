#pragma once

#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/attestation.h"
#include "challenge-web/factors/factor.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// Who asks, in WebAuthn's words. From [web] public_url: its host and its origin.
struct RelyingParty {
    std::string id;     // "stepgate.example"
    std::string origin; // "https://stepgate.example", with the port if it is not 443; compared byte for byte
    std::string name = "stepgate";
};

/// Passkeys (WebAuthn level 2). JSON in and out as in PublicKeyCredential's *JSON forms, which browsers and
/// @simplewebauthn/browser speak: bytes are base64url. Phishing-resistant; the signature is over the challenge's
/// digest.
class Passkey final : public Factor
{
  public:
    /// `decoy_key` makes the credential ids shown at sign-in for users who have none: keep it the same over restarts,
    /// or they change and tell who is real. `accounts` outlives this.
    Passkey(RelyingParty rp, accounts::Accounts& accounts, std::array<std::byte, 32> decoy_key,
            challenges::RandomSource random = challenges::system_random(), AttestationPolicy policy = {});

    [[nodiscard]] std::string_view name() const override { return "passkey"; }
    [[nodiscard]] result<bool> enrolled(const std::string& user) override;
    /// PublicKeyCredentialRequestOptionsJSON.
    [[nodiscard]] result<std::string> begin(const Ask& ask) override;
    /// AuthenticationResponseJSON.
    [[nodiscard]] result<Proof> verify(const Ask& ask, std::string_view answer) override;
    /// PublicKeyCredentialCreationOptionsJSON.
    [[nodiscard]] result<Enrolment> begin_enrolment(const accounts::User& user, TimePoint now) override;
    /// RegistrationResponseJSON.
    [[nodiscard]] result<Enrolled> finish_enrolment(const Enrolment& enrolment, std::string_view answer,
                                                    const std::string& name, TimePoint now) override;

  private:
    [[nodiscard]] result<accounts::PasskeyCredential> credential_for(const Ask& ask, const std::string& id,
                                                                     const std::string& user_handle);

    RelyingParty rp_;
    accounts::Accounts& accounts_;
    std::array<std::byte, 32> decoy_key_;
    challenges::RandomSource random_;
    AttestationPolicy policy_;
};

} // namespace stepgate::challenge_web::factors
