using Rag.Evaluation;
using Shouldly;
using Xunit;

namespace Rag.Tests.Evaluation;

public sealed class RankingScoresTests
{
    private static readonly Dictionary<string, int> Graded = new() { ["a"] = 2, ["b"] = 1, ["c"] = 1, ["junk"] = 0, ["worse"] = -1 };

    [Fact]
    public void Ndcg_is_what_the_formula_gives_by_hand()
    {
        // Gain 1/log2(2) + 2/log2(4) = 2; ideal 2/log2(2) + 1/log2(3) + 1/log2(4) = 3.1309…
        RankingScores.Ndcg(["b", "junk", "a"], Graded, 10).ShouldBe(2 / (2 + 1 / Math.Log2(3) + 0.5), 1e-12);
        RankingScores.Ndcg(["b", "junk", "a"], Graded, 10).ShouldBe(0.63879, 1e-4);
    }

    [Fact]
    public void Ndcg_of_the_ideal_order_is_one_and_of_nothing_found_is_nought()
    {
        RankingScores.Ndcg(["a", "c", "b"], Graded, 10).ShouldBe(1, 1e-12);
        RankingScores.Ndcg(["x", "y"], Graded, 10).ShouldBe(0);
        RankingScores.Ndcg([], Graded, 10).ShouldBe(0);
    }

    [Fact]
    public void Ndcg_looks_no_deeper_than_asked_neither_in_the_list_nor_in_the_ideal()
    {
        RankingScores.Ndcg(["x", "a"], Graded, 1).ShouldBe(0);
        RankingScores.Ndcg(["a", "x", "b"], Graded, 1).ShouldBe(1, 1e-12);
    }

    [Fact]
    public void Grades_of_nought_and_below_count_as_not_relevant()
    {
        RankingScores.Ndcg(["junk", "worse"], Graded, 10).ShouldBe(0);
        RankingScores.Ndcg(["junk"], new Dictionary<string, int> { ["junk"] = 0 }, 10).ShouldBe(0);
        RankingScores.Recall(["junk", "worse", "a"], Graded, 100).ShouldBe(1 / 3.0, 1e-12);
    }

    [Fact]
    public void Recall_is_the_share_of_the_relevant_within_the_depth()
    {
        RankingScores.Recall(["a", "x", "b", "c"], Graded, 3).ShouldBe(2 / 3.0, 1e-12);
        RankingScores.Recall(["a"], new Dictionary<string, int>(), 3).ShouldBe(0);
    }

    [Theory]
    [InlineData(0.5, 3)]
    [InlineData(0.95, 5)]
    [InlineData(0.2, 1)]
    [InlineData(0.21, 2)]
    [InlineData(0, 1)]
    [InlineData(1, 5)]
    public void A_percentile_is_the_value_of_the_nearest_rank(double share, double expected) =>
        RankingScores.Percentile([5, 1, 4, 2, 3], share).ShouldBe(expected);

    [Fact]
    public void The_percentile_of_no_values_is_nought() => RankingScores.Percentile([], 0.95).ShouldBe(0);
}
