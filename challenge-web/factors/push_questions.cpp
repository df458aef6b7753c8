#include "challenge-web/factors/push_questions.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/factors/guesses.h"

#include <algorithm>
#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

constexpr std::uint64_t lowest_number = 10, numbers_there_are = 90; // two digits

} // namespace

bool PushQuestions::ask(const Digest& digest, About about, const challenges::RandomSource& random)
{
    Question question;
    question.about = std::move(about);
    auto& numbers = question.numbers;
    for (std::size_t i = 0; i < choices;) {
        const auto drawn = challenges::random_below(random, numbers_there_are);
        if (!drawn)
            return false;
        numbers[i] = std::to_string(lowest_number + *drawn);
        if (std::find(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(i), numbers[i]) ==
            numbers.begin() + static_cast<std::ptrdiff_t>(i))
            ++i;
    }
    const auto right = challenges::random_below(random, choices);
    if (!right)
        return false;
    question.right = static_cast<std::size_t>(*right);
    const std::lock_guard lock{mutex_};
    return questions_.try_emplace(digest, std::move(question)).second;
}

void PushQuestions::forget(const Digest& digest)
{
    const std::lock_guard lock{mutex_};
    questions_.erase(digest);
}

std::string PushQuestions::number(const Digest& digest) const
{
    const std::lock_guard lock{mutex_};
    const auto found = questions_.find(digest);
    if (found == questions_.end() || found->second.state != State::open)
        return {};
    return found->second.numbers[found->second.right];
}

const PushQuestions::Question* PushQuestions::find_open(const Digest& digest, TimePoint now) const
{
    const auto found = questions_.find(digest);
    if (found == questions_.end() || found->second.state != State::open || now >= found->second.about.expires)
        return nullptr;
    return &found->second;
}

std::optional<PushQuestions::About> PushQuestions::open(const Digest& digest, TimePoint now) const
{
    const std::lock_guard lock{mutex_};
    const auto* question = find_open(digest, now);
    return question == nullptr ? std::nullopt : std::optional{question->about};
}

std::optional<std::string> PushQuestions::new_token(const Digest& digest, const std::string& credential,
                                                    const challenges::RandomSource& random, TimePoint now)
{
    const auto bytes = challenges::random_bytes(random, token_bytes);
    if (!bytes)
        return std::nullopt;
    const std::lock_guard lock{mutex_};
    if (find_open(digest, now) == nullptr)
        return std::nullopt;
    auto token = challenges::base64url_encode(*bytes);
    questions_.at(digest).tokens[credential] = token;
    return token;
}

result<PushQuestions::Held> PushQuestions::held(const Ask& ask, const std::string& token) const
{
    const auto found = questions_.find(ask.challenge);
    if (found == questions_.end() || found->second.about.user != ask.user)
        return errc::unknown_credential;
    const auto& question = found->second;
    for (const auto& [credential, known] : question.tokens) {
        if (!same_code(known, token))
            continue;
        if (question.state != State::open)
            return errc::replayed;
        if (ask.now >= question.about.expires)
            return errc::expired;
        return Held{question, credential};
    }
    return errc::unknown_credential;
}

result<std::vector<std::string>> PushQuestions::numbers(const Ask& ask, const std::string& token) const
{
    const std::lock_guard lock{mutex_};
    const auto found = held(ask, token);
    if (!found)
        return found.error();
    const auto& numbers = found->question.numbers;
    return std::vector<std::string>{numbers.begin(), numbers.end()};
}

result<std::string> PushQuestions::answer(const Ask& ask, const std::string& token, const std::string& number)
{
    const std::lock_guard lock{mutex_};
    const auto found = held(ask, token);
    if (!found)
        return found.error();
    const bool right = same_code(number, found->question.numbers[found->question.right]);
    auto credential = found->credential;
    questions_.at(ask.challenge).state = right ? State::spent : State::burned;
    if (!right)
        return errc::wrong_code;
    return credential;
}

} // namespace stepgate::challenge_web::factors
