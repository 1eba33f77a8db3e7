using Microsoft.Playwright;

namespace Rag.Testing.Console;

/// <summary>A page in a browser context of its own, and what the browser complained about.</summary>
public sealed class Visit : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _complaints = [];

    public Visit(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.Console += (_, message) => { if (message.Type is "error" or "warning") Complain(message.Text); };
        page.PageError += (_, error) => Complain(error);
        page.RequestFailed += (_, request) => { if (request.Failure != "net::ERR_ABORTED") Complain($"{request.Url}: {request.Failure}"); };
    }

    public IPage Page { get; }

    /// <summary>What was on the console, script errors, requests that failed.</summary>
    public IReadOnlyList<string> Complaints
    {
        get { lock (_complaints) return [.. _complaints]; }
    }

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    private void Complain(string text)
    {
        lock (_complaints) _complaints.Add(text);
    }
}
