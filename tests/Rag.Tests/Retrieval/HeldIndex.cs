using Rag.Access;
using Rag.Answering;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using static Rag.Tests.Callers;

namespace Rag.Tests.Retrieval;

/// <summary>The index, with something happening around each search.</summary>
internal sealed class HeldIndex(ISearchIndex inner, Func<Task>? before, Func<Task>? after) : ISearchIndex
{
    public string? StateOf(Collection collection, ReadScope scope) => inner.StateOf(collection, scope);

    public ValueTask<bool> ShowsAsync(Collection collection, IReadOnlyCollection<string> documents, ReadScope scope, CancellationToken ct) => inner.ShowsAsync(collection, documents, scope, ct);

    public async ValueTask<IndexResult> SearchAsync(Collection collection, IndexQuery query, CancellationToken ct)
    {
        if (before is not null) await before();
        var found = await inner.SearchAsync(collection, query, ct);
        // As the service itself, whoever asks.
        if (after is not null) await Task.Run(() => As(With([new(Role.Admin, null)]), after), ct);
        return found;
    }

    public async Task<Answer> AskAsync(TestService service, string question, bool noCache = false)
    {
        var retriever = Microsoft.Extensions.DependencyInjection.ActivatorUtilities.CreateInstance<Retriever>(service.Services, this);
        var answerer = Microsoft.Extensions.DependencyInjection.ActivatorUtilities.CreateInstance<Answerer>(service.Services, this, retriever);
        return (await answerer.AskAsync(new(question, Options: new("lexical", NoCache: noCache)), TestContext.Current.CancellationToken)).Answer.Answer;
    }
}
