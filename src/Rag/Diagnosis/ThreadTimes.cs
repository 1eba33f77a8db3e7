using System.Globalization;

namespace Rag.Diagnosis;

/// <summary>
/// Processor time that each thread of this process used or waited for, as Linux counts it (proc(5), <c>/proc/self/task</c>): on
/// a machine that is busy, a thread without end does not get a core, but wants one all the time.
/// </summary>
internal static class ThreadTimes
{
    private const string Folder = "/proc/self/task";

    /// <summary>The unit of these figures is the same on every Linux that .NET runs on (USER_HZ).</summary>
    private const double TicksPerSecond = 100;

    private const int MaxThreads = 4_096;

    /// <returns>Seconds by thread id, with its name; empty elsewhere than on Linux.</returns>
    public static IReadOnlyDictionary<int, (string Name, double Seconds)> Read()
    {
        var times = new Dictionary<int, (string, double)>();
        if (!Directory.Exists(Folder)) return times;
        foreach (string task in Directory.EnumerateDirectories(Folder).Take(MaxThreads))
        {
            try
            {
                string stat = File.ReadAllText(Path.Combine(task, "stat"));
                // The name stands in parentheses and may hold anything; times are the 12th and 13th fields behind it.
                int open = stat.IndexOf('(', StringComparison.Ordinal), close = stat.LastIndexOf(')');
                string[] fields = stat[(close + 2)..].Split(' ');
                double seconds = (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond + Waited(task);
                times[int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture)] = (stat[(open + 1)..close], seconds);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile.
            }
        }
        return times;
    }

    /// <summary>Seconds in which the thread could have run and was not let: the second figure of <c>schedstat</c>, nanoseconds.</summary>
    private static double Waited(string task)
    {
        string path = Path.Combine(task, "schedstat");
        return File.Exists(path) && File.ReadAllText(path).Split(' ') is [_, var waited, ..] && long.TryParse(waited, CultureInfo.InvariantCulture, out long nanoseconds) ? nanoseconds / 1e9 : 0;
    }
}
