using Dapper;
using Rag.Access;
using Rag.Answering;
using Rag.Audit;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;
using static Rag.Tests.Callers;

namespace Rag.Tests.Retrieval;

public sealed class PermissionOnSqlite() : PermissionTests(Engine.Sqlite);

public sealed class PermissionOnPostgres() : PermissionTests(Engine.Postgres);

public sealed class PermissionInPgvector() : PermissionTests(Engine.Pgvector);

/// <summary>Who is shown which document, by every way in which one is shown.</summary>
public abstract class PermissionTests(Engine engine)
{
    private const string Salaries = "The salaries of the directors were raised by twelve percent in March.";
    private const string Herons = "Herons stand in shallow water and wait for fish.";
    private const string Question = "By how much were the salaries of the directors raised?";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_limited_document_is_there_for_its_groups_and_for_nobody_else()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("birds.txt", Herons);
        string id = (await service.PutAsync("salaries.txt", Salaries, groups: ["board", "finance"])).Id!;
        foreach (var (caller, sees) in new[] { (Reader("finance"), true), (Reader("board", "sales"), true), (Reader("sales"), false), (Reader(), false), (Writer(), false), (With([new(Role.Admin, null)]), true) })
        {
            await As(caller, async () =>
            {
                var answer = await service.AskAsync(Question);
                answer.Text.Contains("twelve percent", StringComparison.Ordinal).ShouldBe(sees);
                answer.LookedAt.Any(l => l.Document == id).ShouldBe(sees);
                foreach (var mode in Enum.GetValues<RetrievalMode>())
                    (await service.SearchAsync(Question, mode)).Any(f => f.Chunk.DocumentId == id).ShouldBe(sees, mode.ToString());
                var library = service.Get<Library>();
                var collection = await library.GetAsync(Collections.Default, Cancel);
                (await library.ListAsync(collection, "", "", 10, Cancel)).Any(d => d.Id == id).ShouldBe(sees);
                (await library.CountAsync(collection, Cancel)).ShouldBe(sees ? new(2, 2, 2) : new(1, 1, 1));
                (await library.FindByUriAsync(collection, "salaries.txt", Cancel) is not null).ShouldBe(sees);
                if (sees) (await library.GetAsync(collection, id, Cancel)).LimitedTo.ShouldBe(["board", "finance"]);
                else (await Should.ThrowAsync<RagException>(() => library.GetAsync(collection, id, Cancel))).Message.Replace(id, "X").ShouldBe((await Should.ThrowAsync<RagException>(() => library.GetAsync(collection, "X", Cancel))).Message);
                // What is for everybody is found by all of them.
                (await service.AskAsync("Where do herons stand?")).Text.ShouldBe(Herons);
            });
        }
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Fact]
    public async Task Whoever_opens_an_answer_that_quotes_nothing_is_told_only_of_what_they_are_shown()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("birds.txt", Herons);
        string id = (await service.PutAsync("salaries.txt", Salaries, groups: ["finance"])).Id!;
        var declined = await As(Reader("finance"), () => service.AskAsync("Which river flows through Vienna in March?"));
        declined.Outcome.ShouldBe(Answer.Abstained);
        declined.LookedAt.ShouldContain(l => l.Document == id);
        foreach (var (caller, sees) in new[] { (Reader("finance"), true), (Reader(), false) })
        {
            await As(caller, async () =>
            {
                var explained = await service.Get<AnswerReplay>().ExplainAsync(declined.Id, Cancel);
                explained.Answer!.LookedAt.Any(l => l.Document == id).ShouldBe(sees);
                explained.Evidence.Any(e => e.Evidence.Document == id).ShouldBe(sees);
                (await service.Get<AnswerReplay>().ShowAsync(declined.Id, Cancel)).LookedAt.Any(l => l.Document == id).ShouldBe(sees);
                (await service.Get<Library>().FoldersAsync(await service.Get<Library>().GetAsync(Collections.Default, Cancel), "", 10, Cancel)).ShouldBeEmpty();
            });
        }
    }

    [Fact]
    public async Task Folders_and_citing_answers_are_those_of_documents_that_are_shown()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("birds/herons.txt", Herons);
        await service.PutAsync("board/2026/plan.txt", "The plan of the board is kept in the safe.", groups: ["board"]);
        string id = (await service.PutAsync("board/salaries.txt", Salaries, groups: ["board", "finance"])).Id!;
        var asked = await As(Reader("finance"), () => service.AskAsync(Question));
        asked.Outcome.ShouldBe(Answer.Answered);
        // A rating waits until the answer is in the record.
        (await As(Reader("finance"), () => service.Get<AnswerReplay>().RateAsync(asked.Id, 1, null, Cancel))).ShouldBeTrue();
        foreach (var (caller, folders, below, citing) in new[] { (Reader("board"), new[] { "birds/", "board/" }, new[] { "board/2026/" }, 1), (Reader("finance"), ["birds/", "board/"], [], 1), (Reader(), ["birds/"], [], 0) })
        {
            await As(caller, async () =>
            {
                var library = service.Get<Library>();
                var collection = await library.GetAsync(Collections.Default, Cancel);
                (await library.FoldersAsync(collection, "", 10, Cancel)).ShouldBe(folders);
                (await library.FoldersAsync(collection, "board/", 10, Cancel)).ShouldBe(below);
                (await service.Get<AnswerReplay>().CitingAsync(collection.Id, id, Cancel)).Count.ShouldBe(citing);
            });
        }
    }

    [Fact]
    public async Task What_a_document_or_a_directory_says_of_itself_opens_nothing()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("salaries.txt", Salaries, metadata: new() { ["allowed"] = "*", ["groups"] = "sales", ["*"] = "*" }, groups: ["finance"]);
        await service.PutAsync("stars.txt", "The star group has a document about quasars.", groups: ["*"]);
        foreach (var caller in new[] { Reader("*"), Reader("=finance"), Reader("finance\n"), Reader("Finance"), Reader("7:finance,"), Reader("") })
            await As(caller, async () => (await service.SearchAsync("salaries directors raised")).ShouldBeEmpty());
        await As(Reader("*"), async () => (await service.SearchAsync("quasars")).ShouldHaveSingleItem());
        await As(Reader(), async () => (await service.SearchAsync("quasars")).ShouldBeEmpty());
        await As(Reader(), async () => (await service.SearchAsync("salaries", filter: new Dictionary<string, string> { ["allowed"] = "*" })).ShouldBeEmpty());
        await As(Reader("finance"), async () => (await service.SearchAsync("salaries", filter: new Dictionary<string, string> { ["allowed"] = "*" })).ShouldHaveSingleItem());
        ReadScope.Of(["*"]).Key.ShouldNotBe(ReadScope.Everything.Key);
        ReadScope.Of(["a", "b"]).Key.ShouldNotBe(ReadScope.Of(["a\nb"]).Key);
        ReadScope.Of([""]).Key.ShouldNotBe(ReadScope.Of([]).Key);
    }

    [Theory]
    [InlineData("lexical")]
    [InlineData("dense")]
    [InlineData("hybrid")]
    public async Task Whatever_else_fits_better_the_readable_document_is_found(string how)
    {
        var mode = RetrievalModes.Parse(how);
        await using var service = await TestService.StartAsync(engine: engine, model: true, settings: new() { ["Retrieval:Candidates"] = "10" });
        for (int i = 0; i < 40; i++) await service.PutAsync($"secret{i}.txt", $"Salaries of directors, salaries of directors, number {i}.", groups: ["finance"]);
        await service.PutAsync("open.txt", "A page about the water that herons stand in, and in passing about directors.");
        await As(Reader(), async () => (await service.SearchAsync("salaries of directors", mode, 3)).ShouldHaveSingleItem().Chunk.Uri.ShouldBe("open.txt"));
        await As(Reader("finance"), async () => (await service.SearchAsync("salaries of directors", mode, 3)).Select(f => f.Chunk.Uri).ShouldNotContain("open.txt"));
    }

    [Fact]
    public async Task No_score_tells_of_a_word_in_a_document_that_is_not_shown()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        for (int i = 0; i < 20; i++) await service.PutAsync($"open{i}.txt", $"Herons stand in water, page {i}.");
        await service.PutAsync("secret.txt", "The layoff begins in spring.", groups: ["board"]);
        async Task<List<(string, float, float)>> ScoresAsync() => await As(Reader(), async () => (await service.SearchAsync("herons and the layoff in spring")).Select(f => (f.Chunk.Uri, f.Score, f.Coverage)).ToList());
        var with = await ScoresAsync();
        with.ShouldNotBeEmpty();
        await service.PutAsync("secret.txt", "The picnic begins in autumn.");
        (await ScoresAsync()).ShouldBe(with);
        // Whoever may read it is told.
        await As(Reader("board"), async () => (await service.SearchAsync("picnic"))[0].Chunk.Uri.ShouldBe("secret.txt"));
    }

    [Fact]
    public async Task Taking_a_document_away_takes_away_what_was_kept_of_it_and_giving_it_back_gives_all()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string id = (await service.PutAsync("salaries.txt", Salaries)).Id!;
        var (reader, finance) = (Reader(), Reader("finance"));
        var before = await As(reader, () => AskAsync(service));
        (await As(reader, () => AskAsync(service))).Cached.ShouldBeTrue();
        (await As(finance, () => AskAsync(service))).Id.ShouldBe(before.Id, "while nothing is limited all share what is kept");
        var answers = service.Get<AnswerReplay>();
        (await As(reader, () => answers.ShowAsync(before.Id, Cancel))).Text.ShouldBe(before.Text);

        var effect = await PermitAsync(service, id, "finance");
        effect.Everywhere.ShouldBeTrue();
        // No waiting from here on.
        (await As(reader, () => AskAsync(service))).Text.ShouldBe(Answer.AbstainedText);
        (await As(finance, () => AskAsync(service))).Text.ShouldBe(Salaries);
        (await Should.ThrowAsync<RagException>(() => As(reader, () => answers.ShowAsync(before.Id, Cancel)))).Kind.ShouldBe(ErrorKind.NotFound);
        (await Should.ThrowAsync<RagException>(() => As(reader, () => answers.ReplayAsync(before.Id, Cancel)))).Message.ShouldBe($"There is no answer '{before.Id}'.");
        (await As(reader, () => answers.RateAsync(before.Id, 1, null, Cancel))).ShouldBeFalse();
        (await As(finance, () => answers.ShowAsync(before.Id, Cancel))).Text.ShouldBe(before.Text);
        (await As(finance, () => answers.RateAsync(before.Id, 1, null, Cancel))).ShouldBeTrue();
        (await As(finance, () => answers.ReplayAsync(before.Id, Cancel))).Same.ShouldBeTrue();

        (await PermitAsync(service, id)).Everywhere.ShouldBeTrue();
        (await As(reader, () => AskAsync(service))).Text.ShouldBe(Salaries);
        (await As(reader, () => answers.ShowAsync(before.Id, Cancel))).Text.ShouldBe(before.Text);
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
        (await service.Get<ChangeLog>().ReadAsync(0, 100, Cancel)).Count(c => c.Kind == ChangeKind.DocumentPermitted).ShouldBe(2);
    }

    [Fact]
    public async Task A_deleted_document_is_in_no_answer_once_the_deletion_returned()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        for (int round = 0; round < 5; round++)
        {
            string id = (await service.PutAsync("salaries.txt", $"{Salaries} Round {round}.")).Id!;
            (await AskAsync(service)).Text.ShouldContain("twelve percent");
            var library = service.Get<Library>();
            var collection = await library.GetAsync(Collections.Default, Cancel);
            (await library.DeleteAsync(await library.GetAsync(collection, id, Cancel), Cancel)).Everywhere.ShouldBeTrue();
            (await AskAsync(service)).Text.ShouldBe(Answer.AbstainedText);
        }
    }

    [Fact]
    public async Task Of_an_answer_that_is_looked_at_again_only_what_is_shown_now_is_told()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string other = (await service.PutAsync("directors.txt", "The directors meet in the tower on Mondays.")).Id!;
        await service.PutAsync("salaries.txt", Salaries);
        var answer = await As(Reader(), () => AskAsync(service));
        answer.Sources.ShouldAllBe(s => s.Document != other);
        answer.LookedAt.ShouldContain(l => l.Document == other);
        await PermitAsync(service, other, "board");
        var again = await As(Reader(), () => service.Get<AnswerReplay>().ShowAsync(answer.Id, Cancel));
        again.Text.ShouldBe(answer.Text);
        again.LookedAt.ShouldNotContain(l => l.Document == other);
        // What went of it is not told to whoever was not shown it.
        await service.DeleteAsync("directors.txt");
        (await Should.ThrowAsync<RagException>(() => As(Reader(), () => service.Get<AnswerReplay>().ShowAsync(answer.Id, Cancel)))).Message.ShouldNotContain(other);
    }

    [Fact]
    public async Task Groups_stay_over_new_versions_until_others_are_given()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string id = (await service.PutAsync("a.txt", Salaries, groups: ["finance"])).Id!;
        await service.PutAsync("a.txt", Salaries + " And again in May.");
        (await service.Get<DocumentRecord>().FindAsync(id, Cancel))!.LimitedTo.ShouldBe(["finance"]);
        await As(Reader(), async () => (await service.SearchAsync("salaries")).ShouldBeEmpty());
        // The same content for others is no new version.
        var given = await service.PutAsync("a.txt", Salaries + " And again in May.", groups: ["sales", "board"]);
        (given.Status, given.Version).ShouldBe((IngestOutcome.Updated, 2L));
        await As(Reader("sales"), async () => (await service.SearchAsync("salaries")).ShouldNotBeEmpty());
        await As(Reader("finance"), async () => (await service.SearchAsync("salaries")).ShouldBeEmpty());
        (await service.PutAsync("a.txt", Salaries + " And again in May.", groups: ["board", "sales"])).Status.ShouldBe(IngestOutcome.Unchanged);
        // Other content for others is one change.
        await service.PutAsync("a.txt", Salaries, groups: ["finance"]);
        await As(Reader("sales"), async () => (await service.SearchAsync("salaries")).ShouldBeEmpty());
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Fact]
    public async Task A_writer_neither_replaces_nor_hears_of_what_is_at_an_address_that_they_are_not_shown()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string id = (await service.PutAsync("a.txt", Salaries, groups: ["finance"])).Id!;
        foreach (string text in new[] { Salaries, "Another text." })
        {
            var refused = await As(Writer("sales"), () => service.TryPutAsync("a.txt", text));
            (refused.Status, refused.Reason, refused.Id, refused.Title).ShouldBe((IngestOutcome.Failed, "forbidden", null, null));
            (await As(Writer("sales"), () => service.TryPutAsync("a.txt", text, groups: ["sales"]))).Reason.ShouldBe("forbidden");
        }
        (await service.Get<DocumentRecord>().FindAsync(id, Cancel))!.Version.ShouldBe(1);
        var library = service.Get<Library>();
        var collection = await library.GetAsync(Collections.Default, Cancel);
        var document = await library.GetAsync(collection, id, Cancel);
        // Somebody who saw it until a moment ago.
        (await Should.ThrowAsync<RagException>(() => As(Writer("sales"), () => library.PermitAsync(collection, document, ["sales"], Cancel)))).Kind.ShouldBe(ErrorKind.NotFound);
        (await As(Writer("finance"), () => library.PermitAsync(collection, document, ["sales"], Cancel))).Everywhere.ShouldBeTrue();
    }

    [Fact]
    public async Task A_collection_that_one_may_not_read_is_not_there()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", Salaries, collection: "board");
        string board = (await service.CollectionAsync("board")).Id;
        var here = (await service.CollectionAsync()).Id;
        var caller = With([new(Role.Reader, here)]);
        var library = service.Get<Library>();
        string Told(RagException e, string name) => $"{e.Kind} {e.Message.Replace(name, "X")} {e.Remedy}";
        await As(caller, async () =>
        {
            foreach (var door in new Func<string, Task>[]
            {
                async name => await service.AskAsync(Question, name),
                async name => await service.Get<PassageSearch>().FindAsync(new("salaries", name), Cancel),
                async name => await library.GetAsync(name, Cancel),
                async name => await library.GetToWriteAsync(name, Cancel),
                async name => await library.DeleteCollectionAsync(name, Cancel),
                async name => await library.EnsureAsync(name, null, Cancel),
            })
                Told(await Should.ThrowAsync<RagException>(() => door("board")), "board").ShouldBe(Told(await Should.ThrowAsync<RagException>(() => door("nowhere")), "nowhere"));
            (await library.CollectionsAsync(Cancel)).ShouldHaveSingleItem().Id.ShouldBe(here);
            (await Should.ThrowAsync<RagException>(() => library.GetToWriteAsync(Collections.Default, Cancel))).Kind.ShouldBe(ErrorKind.Forbidden);
        });
        await As(With([new(Role.Writer, board)]), async () => (await library.EnsureAsync("board", null, Cancel)).Id.ShouldBe(board));
    }

    [Fact]
    public async Task Names_of_groups_are_bounded_and_an_empty_list_is_no_way_to_say_everybody()
    {
        DocumentGroups.Given(null).ShouldBeNull();
        DocumentGroups.Given(["b", "a", "b"]).ShouldBe(["a", "b"]);
        foreach (string?[] wrong in new string?[][] { [], [""], [" a"], ["a\n"], ["a\0b"], [null], [new string('g', 129)], Enumerable.Range(0, 65).Select(i => $"g{i}").ToArray() })
            Should.Throw<RagException>(() => DocumentGroups.Given(wrong)).Kind.ShouldBe(ErrorKind.Invalid);
        await using var service = await TestService.StartAsync(engine: engine);
        string[] odd = [new string('g', 128), "it's", "a\"b", "ä/ö, ü", "CN=Finance,OU=Groups", "{x}", "%", "日本", "\\"];
        foreach (string group in odd) await service.PutAsync($"{Sha256.Hex(group)[..8]}.txt", Salaries, groups: [group]);
        var collection = await service.CollectionAsync();
        foreach (string group in odd)
        {
            await As(Reader(group), async () => (await service.Get<Library>().ListAsync(collection, "", "", 100, Cancel)).ShouldHaveSingleItem().LimitedTo.ShouldBe([group]));
            await As(Reader(group), async () => (await service.SearchAsync("salaries")).ShouldHaveSingleItem());
        }
        await As(Reader(odd), async () => (await service.SearchAsync("salaries")).Count.ShouldBe(odd.Length));
    }

    [Fact]
    public async Task An_answer_that_was_being_made_while_its_document_was_taken_away_is_made_again()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string id = (await service.PutAsync("salaries.txt", Salaries)).Id!;
        int searches = 0;
        var slow = new HeldIndex(service.Get<ISearchIndex>(), before: null, after: async () =>
        {
            if (Interlocked.Increment(ref searches) == 1) (await Task.Run(() => PermitAsync(service, id, "finance"))).Everywhere.ShouldBeTrue();
        });
        var answer = await As(Reader(), () => slow.AskAsync(service, Question));
        answer.Text.ShouldBe(Answer.AbstainedText);
        searches.ShouldBe(2);
        await PermitAsync(service, id);
        searches = 0;
        (await As(Reader(), () => slow.AskAsync(service, Question, noCache: true))).Text.ShouldBe(Answer.AbstainedText);
        await PermitAsync(service, id);
        searches = 0;
        (await As(Reader("finance"), () => slow.AskAsync(service, Question))).Text.ShouldBe(Salaries);
    }

    [Fact]
    public async Task Who_waits_for_the_same_answer_is_not_handed_what_was_made_for_somebody_who_sees_more()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string id = (await service.PutAsync("salaries.txt", Salaries)).Id!;
        var (reached, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        int searches = 0;
        var slow = new HeldIndex(service.Get<ISearchIndex>(), before: async () =>
        {
            if (Interlocked.Increment(ref searches) > 1) return;
            reached.SetResult();
            await go.Task;
        }, after: null);
        // Nothing is limited yet: both ask under one key.
        var first = Task.Run(() => As(Reader("finance"), () => slow.AskAsync(service, Question)), Cancel);
        await reached.Task;
        var second = Task.Run(() => As(Reader(), () => slow.AskAsync(service, Question)), Cancel);
        await Task.Delay(50, Cancel);
        await PermitAsync(service, id, "finance");
        go.SetResult();
        (await first).Text.ShouldBe(Salaries);
        (await second).Text.ShouldBe(Answer.AbstainedText);
    }

    [Fact]
    public async Task Whoever_asks_after_a_document_was_taken_away_is_not_told_of_it_however_many_ask_meanwhile()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string id = (await service.PutAsync("salaries.txt", Salaries)).Id!;
        int rounds = engine == Engine.Pgvector ? 8 : 25, told = 0, leaks = 0, version = 0;
        bool taken = false;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var askers = Enumerable.Range(0, 3).Select(n => Task.Run(() => As(Reader(n == 0 ? ["sales"] : []), async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                int seen = Volatile.Read(ref version);
                bool wasTaken = Volatile.Read(ref taken);
                var answer = await AskAsync(service, i % 3 == 0 ? $"{Question} {i}" : Question);
                bool shown = answer.Text.Contains("twelve", StringComparison.Ordinal) || answer.LookedAt.Count > 0;
                if (shown) Interlocked.Increment(ref told);
                // Taken away before the question was put, and not given back since.
                if (shown && wasTaken && seen == Volatile.Read(ref version)) Interlocked.Increment(ref leaks);
            }
        }), Cancel)).ToList();
        for (int round = 0; round < rounds; round++)
        {
            (await PermitAsync(service, id, "finance")).Everywhere.ShouldBeTrue();
            Volatile.Write(ref taken, true);
            await Task.Delay(15, Cancel);
            Interlocked.Increment(ref version);
            Volatile.Write(ref taken, false);
            await PermitAsync(service, id);
            await Task.Delay(15, Cancel);
        }
        await stop.CancelAsync();
        await Task.WhenAll(askers);
        leaks.ShouldBe(0);
        told.ShouldBeGreaterThan(0, "nobody was ever shown anything, which proves nothing");
    }

    [Fact]
    public async Task An_administrator_who_is_shown_a_document_past_its_groups_is_on_the_record_for_it()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("birds.txt", Herons);
        var admin = With([new(Role.Admin, null)], "finance");
        await As(admin, () => service.AskAsync("Where do herons stand?", options: new("lexical")));
        await service.PutAsync("salaries.txt", Salaries, groups: ["finance"]);
        await As(admin, () => AskAsync(service));
        await service.Get<DataAccessLog>().FlushAsync(Cancel);
        (await CountAsync()).ShouldBe(0);
        await As(With([new(Role.Admin, null)]), async () =>
        {
            for (int i = 0; i < 3; i++) await AskAsync(service);
            await service.Get<PassageSearch>().FindAsync(new("salaries", Mode: "lexical"), Cancel);
            service.Get<Library>().Shown("read", await service.CollectionAsync(), (await service.Get<DocumentRecord>().FindByUriAsync((await service.CollectionAsync()).Id, "salaries.txt", Cancel))!);
        });
        await service.Get<DataAccessLog>().FlushAsync(Cancel);
        // One record for what was noted within a second, which may end in between.
        (await CountAsync()).ShouldBeInRange(1, 2);

        async Task<long> CountAsync()
        {
            await using var connection = await service.Get<Database>().OpenAsync(Cancel);
            return await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_records WHERE category = 'privileged_access'");
        }
    }

    [Fact]
    public async Task A_change_of_readers_is_on_the_record_with_the_change_by_whoever_made_it()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        string id = (await service.PutAsync("salaries.txt", Salaries)).Id!;
        await As(Writer("finance"), () => PermitAsync(service, id, "finance"));
        await As(Writer("finance"), () => service.PutAsync("salaries.txt", Salaries + " And in May.", groups: ["board", "finance"]));
        await As(Writer("finance"), () => service.PutAsync("salaries.txt", Salaries + " And in May.", groups: ["finance"]));
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        (await connection.QueryAsync<(string, string)>("SELECT action, resource FROM audit_records WHERE category = 'permission_change' ORDER BY at, id")).ShouldBe(Enumerable.Repeat(("document.permit", $"document:{id}"), 3));
        (await connection.ExecuteScalarAsync<long>("SELECT COUNT(DISTINCT subject) FROM audit_records WHERE category = 'permission_change'")).ShouldBe(1);
    }

    [Fact]
    public async Task A_record_of_the_release_before_is_read_as_for_everybody()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("salaries.txt", Salaries);
        await using (var connection = await service.Get<Database>().OpenAsync(Cancel))
            (await connection.ExecuteScalarAsync<string?>("SELECT groups FROM documents")).ShouldBeNull();
        await As(Reader(), async () => (await service.SearchAsync("salaries")).ShouldHaveSingleItem());
    }

    /// <summary>By words: an answer without the model is degraded where meaning was asked for, and none such is kept.</summary>
    private static Task<Answer> AskAsync(TestService service, string question = Question) => service.AskAsync(question, options: new("lexical"));

    private static async Task<Spread> PermitAsync(TestService service, string id, params string[] groups)
    {
        var library = service.Get<Library>();
        var collection = await library.GetAsync(Collections.Default, Cancel);
        return await library.PermitAsync(collection, await library.GetAsync(collection, id, Cancel), groups, Cancel);
    }
}
