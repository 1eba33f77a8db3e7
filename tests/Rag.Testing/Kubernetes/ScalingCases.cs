using System.Globalization;

namespace Rag.Testing.Kubernetes;

/// <summary>Loads on virtual time: made ones, and one that was recorded.</summary>
public static class ScalingCases
{
    /// <summary>
    /// Cores that a server of this product used, every five seconds, while questions came in waves: quiet, a spike of 40 s, a rush of
    /// 100 s, one of seven minutes, a plateau, a long evening. Recorded with /proc on two cores that others used, too.
    /// </summary>
    public static IReadOnlyList<double> Recorded { get; } = [.. Lines().Select(l => double.Parse(l.Split(',')[1], CultureInfo.InvariantCulture))];

    /// <summary>The recorded load for a fleet: its greatest use over five minutes becomes this share of the fleet's cores.</summary>
    public static Func<int, double> RecordedLoad(double cores, double peak)
    {
        double most = Enumerable.Range(0, Recorded.Count - 59).Max(i => Recorded.Skip(i).Take(60).Average()), factor = cores * peak / most;
        return second => Recorded[Math.Min(second / 5, Recorded.Count - 1)] * factor;
    }

    /// <summary>Load that changes at whole minutes, as the product's own figures see it.</summary>
    public static Func<int, double> ByMinute(IReadOnlyList<double> cores) => second => cores[Math.Min(second / 60, cores.Count - 1)];

    private static string[] Lines()
    {
        using var stream = typeof(ScalingCases).Assembly.GetManifestResourceStream("recorded-cpu.csv") ?? throw new InvalidOperationException("The recorded load is not in the program.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
