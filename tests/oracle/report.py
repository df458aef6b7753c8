"""What the judges of both servers print alike."""
import collections

SKIPPED = 77  # ctest: SKIP_RETURN_CODE


def print_counts(title, items, most=40):
    """How often each stands among the items, most frequent first."""
    print(f"\n{title}")
    for item, count in collections.Counter(items).most_common(most):
        print(f"  {count:6} {item}")
