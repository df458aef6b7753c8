#pragma once

#include "challenge-web/challenges/challenge.h"
#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/factor.h"

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::challenge_web::factors
{

/// The held statements that were pushed to their requesters, by digest: the number that the terminal shows, the two
/// beside it, and the tokens of the messages that are on their way. One answer each: a right one spends it, a wrong one
/// burns it. In memory: a restart ends the challenges too. Thread-safe.
class PushQuestions
{
  public:
    using Digest = challenges::Digest;
    static constexpr std::size_t token_bytes = 32;

    struct About {
        std::string user, challenge; // the requester, and the challenge's id
        std::string code;            // its short code
        std::vector<std::string> rules;
        TimePoint expires{};
    };

    /// False: no randomness.
    [[nodiscard]] bool ask(const Digest& digest, About about, const challenges::RandomSource& random);
    /// The challenge is over.
    void forget(const Digest& digest);

    /// Two digits for the terminal; "" if nothing was asked, or it was answered.
    [[nodiscard]] std::string number(const Digest& digest) const;
    /// What may be sent: nullopt once it was answered, rightly or not, or has expired.
    [[nodiscard]] std::optional<About> open(const Digest& digest, TimePoint now) const;
    /// The token of a new message to a credential; the credential's one before is void. nullopt: as for `open`, or no
    /// randomness.
    [[nodiscard]] std::optional<std::string> new_token(const Digest& digest, const std::string& credential,
                                                       const challenges::RandomSource& random, TimePoint now);

    /// The three numbers to choose from, for who has a token. errc::unknown_credential: not a token of this challenge
    /// and user; replayed: it was answered before.
    [[nodiscard]] result<std::vector<std::string>> numbers(const Ask& ask, const std::string& token) const;
    /// The credential whose token this is, if the number is right. errc::wrong_code burns it, and those of `numbers`.
    [[nodiscard]] result<std::string> answer(const Ask& ask, const std::string& token, const std::string& number);

  private:
    static constexpr std::size_t choices = 3;
    enum class State : std::uint8_t {
        open,   // takes an answer
        spent,  // the right one came
        burned, // a wrong one came
    };
    struct Question {
        About about;
        std::array<std::string, choices> numbers;  // as they are shown
        std::size_t right = 0;                     // the one of them that the terminal shows
        std::map<std::string, std::string> tokens; // by credential
        State state = State::open;
    };
    [[nodiscard]] const Question* find_open(const Digest& digest, TimePoint now) const;
    /// The question, and the credential whose token this is.
    struct Held {
        const Question& question;
        const std::string& credential;
    };
    [[nodiscard]] result<Held> held(const Ask& ask, const std::string& token) const;

    mutable std::mutex mutex_;
    std::map<Digest, Question> questions_;
};

} // namespace stepgate::challenge_web::factors
