using Microsoft.Extensions.Hosting;
using Rag.Foundation;

namespace Rag.Inference.Generation;

/// <summary>
/// Asks the model for a word at the start, and every now and then while it is away, so that what the service says of it is
/// known before anybody's question meets it, and that seldom a question is the one that tries again.
/// </summary>
internal sealed class LanguageModelWatch(LanguageModel model, GenerationOptions options, TimeProvider time) : BackgroundService
{
    public static readonly ModelRequest Word = new("You are a health check.", "Reply with the word OK.", null, null, 16);

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        // A moment longer than it is left alone for, so that this call is one that is let through.
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.BreakerSeconds) + TimeSpan.FromMilliseconds(100), time);
        try
        {
            await AskAsync(stop);
            while (await timer.WaitForNextTickAsync(stop))
                if (!model.Up) await AskAsync(stop);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task AskAsync(CancellationToken stop)
    {
        try
        {
            await model.RunAsync(Word, TimeSpan.FromMilliseconds(options.TimeoutMs), static _ => ValueTask.FromResult(false), stop);
        }
        catch (RagException)
        {
            // The model keeps what it was, and has logged it.
        }
    }
}
