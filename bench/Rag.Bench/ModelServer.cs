using Rag.Testing.Models;

namespace Rag.Bench;

/// <summary>A language model as a process of its own, so that it can be killed and frozen: fair, and slow enough to be met in the middle.</summary>
internal static class ModelServer
{
    public const string Command = "model-server";

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(60), Between = TimeSpan.FromMilliseconds(12);

    public static async Task<int> RunAsync(string port, string mode, CancellationToken ct)
    {
        await using var model = await ScriptedModel.StartAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture));
        model.Script = call => FairModel.Reply(call) with { First = First, Between = Between };
        Console.WriteLine($"{mode} at http://127.0.0.1:{port}");
        await Task.Delay(Timeout.Infinite, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return 0;
    }
}
