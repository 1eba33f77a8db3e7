using System.Collections.Concurrent;
using Rag.Testing.Doctor;

namespace Rag.Bench.Verify.Incidents;

/// <summary>Each condition of the runbook's scenarios is provoked for real, and <c>rag doctor</c> must name it, then and not before.</summary>
internal static class DoctorChecks
{
    private const int QuickAtOnce = 3;

    public static IEnumerable<Check> All()
    {
        yield return new("doctor", "provoked conditions that 'rag doctor' does not name, or names while all is well", Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var chosen = DoctorScenario.All.Where(s => !context.Quick || s.Quick).ToLookup(s => s.Missing() is null);
        var left = chosen[false].Select(s => $"{s.Name}: {s.Missing()}").ToList();
        var wrong = new ConcurrentQueue<string>();
        // One after the other where figures of this machine are looked at; a quick run has none of those.
        await Parallel.ForEachAsync(chosen[true], new ParallelOptions { MaxDegreeOfParallelism = context.Quick ? QuickAtOnce : 1, CancellationToken = ct }, async (scenario, token) =>
        {
            try
            {
                if (await scenario.ProblemAsync(token) is { } problem) wrong.Enqueue(problem);
            }
            catch (InvalidOperationException e)
            {
                wrong.Enqueue($"{scenario.Name}: {e.Message}");
            }
        });
        int played = chosen[true].Count();
        if (played == 0) throw new CannotMeasureException(string.Join("; ", left));
        string note = $"{played} conditions provoked";
        if (context.Quick) note += $"; smaller: {chosen.Sum(g => g.Count())} of {DoctorScenario.All.Count} conditions, the burn and the leak not among them";
        if (left.Count > 0) note += $"; left out: {string.Join("; ", left)}";
        return new(wrong.Count, wrong.IsEmpty ? note : $"{note}; {string.Join(" | ", wrong)}");
    }
}
