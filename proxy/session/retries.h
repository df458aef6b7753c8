#pragma once

#include "challenge-web/challenges/challenges.h"
#include "policies/rules/verdict.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace stepgate::proxy::session
{

/// Challenges that outlive the execution they were opened for: its client cannot be told while it waits, so it gets an
/// error with the page's address, and the same user running the same text with the same values from the same address
/// meets the same challenge again. That it releases one execution is `Challenges::consume`'s promise. Thread-safe.
class Retries
{
  public:
    using OnSettled = challenge_web::challenges::Challenges::OnSettled;

    /// One challenge. Its news go to the execution that waits for it now.
    class Retry
    {
      public:
        Retry(challenge_web::challenges::Question asked) : verdict_{asked.verdict} {}

        [[nodiscard]] const challenge_web::challenges::Opened& opened() const { return opened_; }
        /// What was shown to people.
        [[nodiscard]] const policies::rules::Verdict& verdict() const { return verdict_; }
        /// From now on `tell` hears; at once if it is settled already. Called on any thread.
        void wait(OnSettled tell);

      private:
        friend class Retries;
        void settled(challenge_web::challenges::State state, const std::string& reason);

        policies::rules::Verdict verdict_;
        challenge_web::challenges::Opened opened_;
        std::mutex mutex_; // guards what follows
        OnSettled tell_;
        challenge_web::challenges::State state_ = challenge_web::challenges::State::pending;
        std::string reason_;
    };
    using Pointer = std::shared_ptr<Retry>;

    /// The challenge that was opened for the same question before and is still good for it, or null.
    [[nodiscard]] Pointer find(const challenge_web::challenges::Question& asked,
                               challenge_web::challenges::TimePoint now);
    /// Opens one. errc: those of Challenges::open.
    [[nodiscard]] boost::system::result<Pointer> open(challenge_web::challenges::Challenges& all,
                                                      challenge_web::challenges::Question asked,
                                                      std::chrono::seconds time_to_answer,
                                                      challenge_web::challenges::TimePoint now);
    void forget(const Pointer& retry);

  private:
    void drop_expired(challenge_web::challenges::TimePoint now);

    std::mutex mutex_;
    std::map<std::string, Pointer> by_question_;
};

} // namespace stepgate::proxy::session
