namespace Rag.Bench;

/// <summary>Runs the two sides of a comparison in turns, so that what else the machine does falls on both.</summary>
internal static class Rounds
{
    /// <summary>One round that does not count, then <paramref name="rounds"/> that do; every other one begins with the baseline.</summary>
    public static async Task<IReadOnlyList<(double Ours, double Baseline)>> RunAsync(int rounds, Func<int, Task<double>> ours, Func<int, Task<double>> baseline)
    {
        var results = new List<(double, double)>();
        for (int round = 0; round <= rounds; round++)
        {
            double a, b;
            if (round % 2 == 0)
            {
                a = await ours(round);
                b = await baseline(round);
            }
            else
            {
                b = await baseline(round);
                a = await ours(round);
            }
            if (round > 0) results.Add((a, b));
        }
        return results;
    }
}
