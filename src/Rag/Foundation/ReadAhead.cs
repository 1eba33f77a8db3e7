using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Rag.Foundation;

/// <summary>Reads on while what was read before is worked on.</summary>
internal static class ReadAhead
{
    /// <summary>The same items in the same order, up to <paramref name="items"/> of them read before they are asked for. The source has ended when this has.</summary>
    public static async IAsyncEnumerable<T> Ahead<T>(this IAsyncEnumerable<T> source, int items, [EnumeratorCancellation] CancellationToken ct = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var read = Channel.CreateBounded<T>(items);
        var reading = Task.Run(() => ReadAsync(source, read.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (var item in read.Reader.ReadAllAsync(ct)) yield return item;
        }
        finally
        {
            await stop.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task ReadAsync<T>(IAsyncEnumerable<T> source, ChannelWriter<T> to, CancellationToken ct)
    {
        try
        {
            await foreach (var item in source.WithCancellation(ct)) await to.WriteAsync(item, ct);
            to.Complete();
        }
        catch (Exception e)
        {
            to.Complete(e);
        }
    }
}
