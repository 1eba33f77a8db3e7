using CsCheck;
using Rag.Answering;
using Rag.Caching;
using Rag.Foundation;
using Rag.Ingestion;

namespace Rag.Tests.Answering;

public sealed class AnswererOnSqlite() : AnswererTests(Engine.Sqlite);

public sealed class AnswererOnPostgres() : AnswererTests(Engine.Postgres);

public sealed class AnswererInPgvector() : AnswererTests(Engine.Pgvector);

public abstract class AnswererTests(Engine engine)
{
    private const string Manual = """
        # Backups

        Backups are made every night at two o'clock. They are kept for one year.

        ## Restore a backup

        To restore a backup, do this:

        1. Stop the server.
        2. Copy the backup into the data directory.
        3. Start the server.

        Then ask a question to see that it answers.

        ## Clear the cache

        The cache is cleared with one command:

        ```
        rag cache clear
        ```

        # Ports

        | Service | Port |
        |---|---|
        | Prometheus | 9090 |
        | Alertmanager | 9093 |
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_sentence_is_the_text_at_its_span()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        foreach (string question in new[] { "How do I restore a backup?", "How long are backups kept?", "Which port does Alertmanager use?", "How is the cache cleared?" })
        {
            var answer = await service.AskAsync(question);
            answer.Outcome.ShouldBe(Answer.Answered, question);
            answer.Sentences.Count.ShouldBe(answer.Sources.Count);
            foreach (var (sentence, source) in answer.Sentences.Zip(answer.Sources))
            {
                string text = (await service.Get<DocumentRecord>().TextAsync(source.Document, source.Version, Cancel)).ShouldNotBeNull();
                text[source.Start..source.End].ShouldBe(source.Quote);
                sentence.Text.ShouldBe(source.Quote);
                source.Sha256.ShouldBe(Sha256.Hex(source.Quote));
            }
        }
    }

    [Fact]
    public async Task A_how_to_keeps_its_steps_and_its_code()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        var steps = await service.AskAsync("How do I restore a backup?");
        steps.Sentences.Where(s => s.Kind == "list_item").Select(s => s.Text).ShouldBe(["1. Stop the server.", "2. Copy the backup into the data directory.", "3. Start the server."]);
        var code = await service.AskAsync("How do I clear the cache?");
        code.Sentences.ShouldContain(s => s.Kind == "code" && s.Text == "rag cache clear");
    }

    [Fact]
    public async Task A_table_row_comes_with_its_header()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        var answer = await service.AskAsync("Which port does Alertmanager use?");
        answer.Sentences.Select(s => s.Text).ShouldBe(["Service | Port", "Alertmanager | 9093"]);
    }

    [Fact]
    public async Task A_table_row_is_read_together_with_its_header()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("policy.md", "# Policy\n\n| Backup | Kept for |\n|---|---|\n| Daily | 30 days |\n| Weekly | 1 year |\n| Monthly | 7 years |");
        var answer = await service.AskAsync("How long are weekly backups kept?");
        answer.Sentences.Select(s => s.Text).ShouldBe(["Backup | Kept for", "Weekly | 1 year"]);
    }

    [Fact]
    public async Task What_the_documents_do_not_say_is_declined_and_it_says_what_it_looked_at()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        foreach (string question in new[] { "Who won the football world cup in 1998?", "What is the boiling point of mercury?", "Is it of the or?" })
        {
            var answer = await service.AskAsync(question);
            answer.Outcome.ShouldBe(Answer.Abstained, question);
            answer.Sources.ShouldBeEmpty();
            answer.LookedAt.ShouldNotBeEmpty();
        }
    }

    [Fact]
    public async Task An_empty_collection_declines()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        var answer = await service.AskAsync("What is here?");
        answer.Outcome.ShouldBe(Answer.Abstained);
        answer.LookedAt.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_same_question_again_comes_from_the_cache_and_is_the_same_answer()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        var first = await service.AskAsync("How long are backups kept?");
        var again = await service.AskAsync("  how long are   BACKUPS kept? ");
        (first.Cached, again.Cached, again.CacheLayer).ShouldBe((false, true, CacheLayer.Question));
        (again.Id, again.Text).ShouldBe((first.Id, first.Text));
    }

    [Fact]
    public async Task After_a_write_elsewhere_the_evidence_still_answers_from_the_cache_and_a_write_to_it_does_not()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        var first = await service.AskAsync("How long are backups kept?");
        await service.PutAsync("birds.txt", "Herons stand in shallow water.");
        // Five passages are read, and a new one may come among them: a question whose evidence is full shows the rule.
        var elsewhere = await service.AskAsync("How long are backups kept?");
        elsewhere.IndexPosition.ShouldBeGreaterThan(first.IndexPosition);
        elsewhere.CacheLayer.ShouldNotBe(CacheLayer.Question);
        elsewhere.Text.ShouldBe(first.Text);
        await service.PutAsync("manual.md", Manual.Replace("one year", "seven years"));
        var changed = await service.AskAsync("How long are backups kept?");
        changed.Cached.ShouldBeFalse();
        changed.Text.ShouldContain("seven years");
        changed.Text.ShouldNotContain("one year");
    }

    [Fact]
    public async Task Evidence_that_stays_the_same_is_read_once()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        for (int i = 0; i < 8; i++) await service.PutAsync($"backups{i}.txt", $"Backups of kind {i} are kept for one year in vault {i}.");
        await service.AskAsync("How long are backups kept?");
        await service.PutAsync("birds.txt", "Herons stand in shallow water.");
        var again = await service.AskAsync("How long are backups kept?");
        (again.Cached, again.CacheLayer).ShouldBe((true, CacheLayer.Evidence));
        var (requests, hits) = service.Get<CacheMetrics>().Of(CacheLayer.Evidence);
        (requests, hits).ShouldBe((2, 1));
        (await service.Get<AnswerReplay>().ReplayAsync(again.Id, Cancel)).Same.ShouldBeTrue();
    }

    [Fact]
    public async Task An_answer_from_read_evidence_is_the_one_that_no_cache_would_give()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        for (int i = 0; i < 8; i++) await service.PutAsync($"backups{i}.txt", $"Backups of kind {i} are kept for one year in vault {i}.");
        var first = await service.AskAsync("How long are backups kept?");
        // Every document makes the rare words of the question dearer, or cheaper: what the evidence scores moves with them.
        for (int i = 0; i < 12; i++) await service.PutAsync($"birds{i}.txt", $"Heron number {i} kept standing in shallow water.");
        var read = await service.AskAsync("How long are backups kept?");
        var (made, _) = await service.Get<Answerer>().AskAsync(new("How long are backups kept?", Options: new(NoCache: true)), Cancel);
        read.CacheLayer.ShouldBe(CacheLayer.Evidence);
        read.Strength.ShouldNotBe(first.Strength);
        (read.IndexPosition, read.Strength).ShouldBe((made.Answer.IndexPosition, made.Answer.Strength));
        read.Sentences.ShouldBe(made.Answer.Sentences);
        read.Sources.ShouldBe(made.Answer.Sources);
        read.LookedAt.ShouldBe(made.Answer.LookedAt);
    }

    [Fact]
    public async Task Many_who_ask_the_same_at_once_cost_one_answer()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => service.AskAsync("How long are backups kept?")));
        answers.Select(a => a.Id).Distinct().ShouldHaveSingleItem();
        service.Get<CacheMetrics>().Of(CacheLayer.Evidence).Requests.ShouldBe(1);
    }

    [Fact]
    public async Task An_answer_is_shown_and_replayed_from_its_provenance_after_the_document_changed()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        var answer = await service.AskAsync("How long are backups kept?");
        await service.PutAsync("manual.md", "# Nothing\n\nThe manual was rewritten.");
        var shown = await service.Get<AnswerReplay>().ShowAsync(answer.Id, Cancel);
        shown.Text.ShouldBe(answer.Text);
        shown.Sources.ShouldBe(answer.Sources);
        var replay = await service.Get<AnswerReplay>().ReplayAsync(answer.Id, Cancel);
        replay.Same.ShouldBeTrue(replay.Difference);
    }

    [Fact]
    public async Task With_its_document_an_answers_words_are_gone()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        var answer = await service.AskAsync("How long are backups kept?");
        await service.DeleteAsync("manual.md");
        (await Should.ThrowAsync<RagException>(() => service.Get<AnswerReplay>().ShowAsync(answer.Id, Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        (await service.Get<AnswerReplay>().ReplayAsync(answer.Id, Cancel)).Same.ShouldBeFalse();
    }

    [Fact]
    public async Task The_same_evidence_gives_the_same_answer_whatever_order_it_was_written_in()
    {
        string[] texts = [.. Enumerable.Range(0, 12).Select(i => $"Vault {i} keeps backups for {i + 1} years. It stands in hall {i % 3}.")];
        var answers = new List<string>();
        foreach (var order in new[] { texts, texts.Reverse().ToArray() })
        {
            await using var service = await TestService.StartAsync(engine: engine, model: true);
            foreach (string text in order) await service.PutAsync(Sha256.Hex(text), text);
            answers.Add((await service.AskAsync("How many years does vault 7 keep backups?")).Text);
        }
        answers.Distinct().ShouldHaveSingleItem().ShouldContain("Vault 7 keeps backups for 8 years.");
    }

    [Theory]
    [InlineData("")]
    [InlineData("   \n\t ")]
    [InlineData(null)]
    public async Task An_empty_question_is_refused_with_a_remedy(string? question)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var e = await Should.ThrowAsync<RagException>(() => service.AskAsync(question!));
        (e.Kind, e.Remedy.Length > 0).ShouldBe((ErrorKind.Invalid, true));
    }

    [Fact]
    public async Task Any_question_is_answered_or_refused_and_never_fails()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("manual.md", Manual);
        await Gen.String[0, 300].SampleAsync(async question =>
        {
            try
            {
                var answer = await service.AskAsync(question);
                (answer.Outcome is Answer.Answered or Answer.Abstained).ShouldBeTrue();
            }
            catch (RagException e) when (e.Kind == ErrorKind.Invalid)
            {
            }
        }, iter: 200);
    }
}
