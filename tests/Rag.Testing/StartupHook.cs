using System.Diagnostics.CodeAnalysis;

/// <summary>
/// Misbehaviour that comes from outside: .NET loads this into a real <c>rag serve</c> where <c>DOTNET_STARTUP_HOOKS</c> names this
/// assembly. It burns processor time while the file that <c>RAG_TEST_BURN</c> names is there, and leaks while that of
/// <c>RAG_TEST_LEAK</c> is. The product knows nothing of it.
/// </summary>
/// <remarks>.NET finds it by this name, without a namespace.</remarks>
[SuppressMessage("Design", "CA1050", Justification = "The name is .NET's.")]
internal static class StartupHook
{
    private const int LeakBytes = 1_000_000, LeaksPerSecond = 20;
    private const long MaxLeakedBytes = 2_000_000_000;

    private static readonly List<byte[]> Leaked = [];

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable("RAG_TEST_BURN") is { Length: > 0 } burn) new Thread(() => BurnWhile(burn)) { IsBackground = true, Name = "test burn" }.Start();
        if (Environment.GetEnvironmentVariable("RAG_TEST_LEAK") is { Length: > 0 } leak) _ = LeakWhileAsync(leak);
    }

    private static void BurnWhile(string file)
    {
        using var never = new ManualResetEventSlim();
        while (true)
        {
            if (!File.Exists(file)) never.Wait(50);
            else Burn();
        }
    }

    private static double Burn()
    {
        double sum = 0;
        for (int i = 1; i < 50_000_000; i++) sum += Math.Sqrt(i) / (i + sum);
        return sum;
    }

    private static async Task LeakWhileAsync(string file)
    {
        while (true)
        {
            await Task.Delay(1000 / LeaksPerSecond);
            if (File.Exists(file) && (long)Leaked.Count * LeakBytes < MaxLeakedBytes) Leaked.Add(new byte[LeakBytes]);
        }
    }
}
