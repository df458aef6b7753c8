#pragma once

#include "challenge-web/challenges/challenges.h"
#include "proxy/audit/writer.h"

namespace stepgate::proxy::app
{

/// Writes what happens to challenges into the audit. Thread-safe; called by `Challenges` on whatever thread caused the
/// event. A challenge whose event the journal cannot take is cancelled: nothing runs on a proof that is not recorded.
class ChallengeRecorder
{
  public:
    ChallengeRecorder(audit::Writer& writer, challenge_web::challenges::Challenges& challenges)
        : writer_(writer), challenges_(challenges)
    {
    }
    void operator()(const challenge_web::challenges::Event& event) const;
    /// An elevation whose beginning the journal cannot take ends at once.
    void operator()(const challenge_web::challenges::ElevationEvent& event) const;

  private:
    audit::Writer& writer_;
    challenge_web::challenges::Challenges& challenges_;
};

} // namespace stepgate::proxy::app
