using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
using Rag.Answering;
using Rag.Audit;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Retrieval;

namespace Rag.Bench.Verify.Protect;

/// <summary>
/// Random people put random questions by every door, most of them aimed at what they may not read, while documents are
/// taken from people and given back. Counts who was told of a document that was taken from them before they asked, and who
/// was not told of one that was theirs all the while.
/// </summary>
internal sealed class PermissionCases(PermissionSite site, PermissionWorld world, int seed)
{
    private const int Workers = 4, KeptAnswers = 512, MaxFaultsNamed = 3;
    private static readonly string[] Modes = ["lexical", "hybrid", "dense"];

    private readonly ConcurrentQueue<string> _answers = new();
    private readonly ConcurrentQueue<string> _named = new();
    private int _done, _leaks, _hidden, _forbidden, _cached, _required, _changes, _late, _failed;

    private enum Door { Ask, Search, Answer, Replay, List, Document, Text }

    public async Task<Measured> RunAsync(int cases, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var changing = Task.Run(() => ChangeAsync(stop.Token), ct);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Workers).Select(w => Task.Run(async () =>
            {
                var random = new Random(seed + 1 + w);
                while (Interlocked.Increment(ref _done) <= cases)
                {
                    var (target, caller, door) = await CaseAsync(random, world.Documents[random.Next(world.Documents.Count)], null, null, ct);
                    // The same once more is what the cache is for; somebody else beside it is what it must not be mixed up with.
                    if (door != Door.Ask || Interlocked.Increment(ref _done) > cases) continue;
                    await CaseAsync(random, target, random.Next(3) > 0 ? caller : world.Somebody(random), Door.Ask, ct);
                }
            }, ct)));
        }
        finally
        {
            await stop.CancelAsync();
            await changing;
        }
        string note = $"{cases} cases and {_changes} changes in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s; {_forbidden} aimed at what was forbidden, {_cached} from the cache, {_required} had to be told and {_hidden} were not; {_leaks} leaks"
            + (_late > 0 ? $"; {_late} changes did not hold everywhere" : "") + (_failed > 0 ? $"; {_failed} failed" : "") + string.Concat(_named.Take(MaxFaultsNamed).Select(f => "; " + f));
        // A run in which nothing was forbidden, kept or owed would prove nothing.
        if (_forbidden == 0 || _cached == 0 || _required == 0 || _changes == 0) throw new CannotMeasureException($"too few cases: {note}");
        return new(_leaks + _hidden + _late + _failed, note);
    }

    private async Task ChangeAsync(CancellationToken stop)
    {
        var random = new Random(seed);
        try
        {
            while (!stop.IsCancellationRequested)
            {
                var document = world.Documents[random.Next(world.Documents.Count)];
                var caller = world.Somebody(random);
                var replica = Replica(random);
                // What is asked twice before is in the cache; the moment after is when it must not be.
                await CaseAsync(random, document, caller, Door.Ask, stop);
                await CaseAsync(random, document, caller, Door.Ask, stop);
                if (!await world.ChangeAsync(replica, document, random, stop)) Interlocked.Increment(ref _late);
                Interlocked.Increment(ref _changes);
                foreach (var _ in site.Replicas) await CaseAsync(random, document, caller, Door.Ask, stop);
                await Task.Delay(random.Next(60), stop);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private IServiceProvider Replica(Random random) => site.Replicas[random.Next(site.Replicas.Count)];

    private async Task<(WorldDocument Target, Caller Caller, Door Door)> CaseAsync(Random random, WorldDocument target, Caller? caller, Door? through, CancellationToken ct)
    {
        caller ??= world.Somebody(random);
        var door = through ?? Pick(random);
        long from = world.Now;
        // Half of all are aimed at what the caller may not read.
        if (through is null && random.Next(2) == 0)
            for (int i = 0; i < 8 && target.May(caller, from, from); i++) target = world.Documents[random.Next(world.Documents.Count)];
        var at = Replica(random);
        string told;
        bool owes;
        try
        {
            (told, owes) = await AskAsync(at, door, target, caller, random, ct);
        }
        catch (RagException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.Conflict)
        {
            // Somebody is told that there is nothing, in words that say what they asked for.
            (told, owes) = ((e.Message + e.Remedy).Replace(target.Id, ""), door is not (Door.Answer or Door.Replay));
        }
        catch (RagException e) when (e.Kind is ErrorKind.Unavailable)
        {
            Fault(ref _failed, $"{door}: {e.Message}");
            return (target, caller, door);
        }
        long to = world.Now;
        if (!target.May(caller, from, to)) Interlocked.Increment(ref _forbidden);
        var shown = world.In(told).ToList();
        foreach (var document in shown)
            if (!document.May(caller, from, to)) Fault(ref _leaks, $"{door} told {caller.Scope.Key} of {document.Word}, limited to {DocumentGroups.Describe(document.Groups)}");
        if (!owes || !target.Must(caller, from, to)) return (target, caller, door);
        Interlocked.Increment(ref _required);
        if (!shown.Contains(target)) Fault(ref _hidden, $"{door} did not tell {caller.Scope.Key} of {target.Word}, limited to {DocumentGroups.Describe(target.Groups)}");
        return (target, caller, door);
    }

    /// <returns>Everything that the caller was told but their own words, and whether the target had to be in it.</returns>
    private async Task<(string Told, bool Owes)> AskAsync(IServiceProvider at, Door door, WorldDocument target, Caller caller, Random random, CancellationToken ct)
    {
        Actor.Become(caller);
        var library = at.GetRequiredService<Library>();
        switch (door)
        {
            case Door.Ask:
            {
                var options = new AskOptions(random.Next(4) == 0 ? Modes[random.Next(Modes.Length)] : Modes[0], NoCache: random.Next(10) == 0);
                var (rendered, cached) = await at.GetRequiredService<Answerer>().AskAsync(new(target.Question, target.Collection.Name, Options: options), ct);
                if (cached) Interlocked.Increment(ref _cached);
                _answers.Enqueue(rendered.Answer.Id);
                if (_answers.Count > KeptAnswers) _answers.TryDequeue(out _);
                return (JsonSerializer.Serialize(rendered.Answer with { Question = "" }, AnsweringJson.Default.Answer), options.Mode != "dense");
            }
            case Door.Search:
            {
                string mode = Modes[random.Next(Modes.Length)];
                var found = await at.GetRequiredService<PassageSearch>().FindAsync(new(target.Question, target.Collection.Name, 5, mode, random.Next(2) == 0 ? "document" : null), ct);
                // By meaning alone one made-up word is like another.
                return (JsonSerializer.Serialize(found with { Query = "" }, RetrievalJson.Default.SearchResponse), mode != "dense");
            }
            case Door.Answer or Door.Replay:
            {
                if (!_answers.TryDequeue(out string? id)) return ("", false);
                _answers.Enqueue(id);
                var replay = at.GetRequiredService<AnswerReplay>();
                return (door == Door.Answer
                    ? JsonSerializer.Serialize(await replay.ShowAsync(id, ct) with { Question = "" }, AnsweringJson.Default.Answer)
                    : JsonSerializer.Serialize(await replay.ReplayAsync(id, ct), AnsweringJson.Default.ReplayResult), false);
            }
            case Door.List:
            {
                var collection = await library.GetAsync(target.Collection.Name, ct);
                var page = await library.ListAsync(collection, "", "", 1_000, ct);
                return (string.Join('\n', page.Select(d => $"{d.Id} {d.Title} {d.Uri}")), true);
            }
            default:
            {
                var document = await library.GetAsync(await library.GetAsync(target.Collection.Name, ct), target.Id, ct);
                return (door == Door.Document ? $"{document.Title} {document.Uri}" : await at.GetRequiredService<DocumentRecord>().TextAsync(document.Id, document.Version, ct) ?? "", true);
            }
        }
    }

    private static Door Pick(Random random) => random.Next(20) switch
    {
        < 8 => Door.Ask,
        < 12 => Door.Search,
        < 14 => Door.Answer,
        < 15 => Door.Replay,
        < 17 => Door.List,
        < 18 => Door.Text,
        _ => Door.Document,
    };

    private void Fault(ref int count, string what)
    {
        Interlocked.Increment(ref count);
        if (_named.Count < MaxFaultsNamed) _named.Enqueue(what);
    }
}
