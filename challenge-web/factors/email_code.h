#pragma once

#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/factor.h"
#include "challenge-web/factors/guesses.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// Hands a mail on to be sent; false: there is no room for it now, or the address is none. `done` is called once,
/// later, on any thread: does the mail server have it?
using SendMail = std::function<bool(const std::string& to, const std::string& subject, const std::string& text,
                                    std::function<void(bool)> done)>;

/// "a***@example.com": enough for its owner.
[[nodiscard]] std::string masked_address(std::string_view address);

/// Eight digits, mailed to the address that an administrator has set: for one person and one challenge, the newest
/// only, ten minutes, once. Possession of the mailbox, not phishing-resistant; it never signs in and is not enrolled by
/// users. The message says which challenge, and nothing of the statement.
class EmailCode final : public GuessedFactor
{
  public:
    static constexpr std::size_t digits = 8;

    /// What has become of the newest code.
    enum class Delivery : std::uint8_t {
        none,    // there is no code for this challenge
        sending, // the mail server does not have it yet
        sent,
        failed, // and never will; the code is void
    };

    /// `send` empty: this installation sends no mail, and nobody has this factor. `accounts` outlives this; what
    /// `send` calls back may come after the end of this.
    EmailCode(accounts::Accounts& accounts, SendMail send, std::string public_url,
              challenges::RandomSource random = challenges::system_random());
    ~EmailCode() override;

    [[nodiscard]] std::string_view name() const override { return "email_code"; }
    [[nodiscard]] bool available() const { return static_cast<bool>(send_); }
    /// Has the user an address?
    [[nodiscard]] result<bool> enrolled(const std::string& user) override;
    /// Mails a new code: {"to":"a***@example.com","digits":8}. The one before is void. errc::not_enrolled, busy;
    /// unsupported at sign-in.
    [[nodiscard]] result<std::string> begin(const Ask& ask) override;
    /// {"code":"1234 5678"}. errc::wrong_code; unsupported at sign-in.
    [[nodiscard]] result<Proof> verify(const Ask& ask, std::string_view answer) override;
    /// errc::unsupported: an administrator sets the address.
    [[nodiscard]] result<Enrolment> begin_enrolment(const accounts::User& user, TimePoint now) override;
    [[nodiscard]] result<Enrolled> finish_enrolment(const Enrolment& enrolment, std::string_view answer,
                                                    const std::string& name, TimePoint now) override;

    [[nodiscard]] Delivery delivery(const Ask& ask) const;

  private:
    struct Codes;
    [[nodiscard]] result<std::string> address_of(const std::string& user);
    [[nodiscard]] result<Proof> check_code(const Ask& ask, const std::string& code);

    accounts::Accounts& accounts_;
    SendMail send_;
    std::string public_url_;
    challenges::RandomSource random_;
    std::shared_ptr<Codes> codes_; // shared with mails on their way
};

[[nodiscard]] std::string_view to_string(EmailCode::Delivery delivery);

} // namespace stepgate::challenge_web::factors
