POSITIVE = """
    I laughed from start to finish.
    One of the best meals I have had this year.
    My kids can't stop talking about it.
    The waiter was kind and the soup was delicious.
    Not a bad way to spend an evening.
    This book kept me up all night, and I don't regret it.
    Great phone, the battery lasts for days.
    I was worried at first, but everything went smoothly.
    The hotel was clean, quiet and close to the station.
    She sang beautifully.
    Honestly, I can't fault it.
    We had a lovely time in Paris.
    The coffee here is excellent, even though the place is tiny.
    It never gets boring.
    Best purchase I've made in years!
    The teacher explained everything clearly and patiently.
    No complaints at all.
    I'd happily stay there again.
    what a wonderful surprise
    The weather was awful, yet we enjoyed every minute.
    My mother loves her new chair.
    The plot is simple, but the actors are brilliant.
    Thank you for the amazing service!
    Five stars from me.
    It works perfectly and it looks nice too.
    The doctor was gentle and honest with us.
    I couldn't be happier with the result.
    Far from boring, this film is a real treat.
    The bread was fresh and the cheese was tasty.
    Although the room was small, the view was stunning.
    You won't be disappointed.
    A charming little cafe with friendly people.
    The game is really fun with friends.
    I highly recommend this museum to everyone.
    He is the nicest neighbour we have ever had.
    There's nothing wrong with this laptop.
    My daughter smiled all day because of this gift.
    The concert exceeded all my expectations.
    I wasn't bored for a second.
    Simple, cheap and delicious.
"""
NEGATIVE = """
    The battery died after two hours.
    I want my money back.
    We waited forty minutes and the food was cold.
    The film wasn't funny at all.
    I would not recommend this place to my worst enemy.
    He promised a lot, but the result was terrible.
    Terrible acting, weak story.
    The staff ignored us all evening.
    I fell asleep after ten minutes.
    My new phone is already broken.
    The soup had no taste.
    Nobody in our group liked the tour.
    It looked great in the pictures, but the room was filthy.
    What a waste of a Sunday afternoon.
    The service was slow and the waiter was rude.
    This is the worst book I have ever read.
    I can't recommend it.
    The seats were uncomfortable and the music was far too loud.
    Not worth the price.
    Despite the good reviews, the show was a disappointment.
    Never again.
    She hardly smiled and never said thank you.
    I don't understand why people like this game.
    the app keeps crashing
    The ending ruined the whole story.
    The lecture was long, confusing and badly prepared.
    Our flight was cancelled and no one helped us.
    It isn't as good as the first one.
    The pizza tasted like cardboard.
    I regret buying these shoes.
    The dress is pretty, but it fell apart in a week.
    The weather was miserable and we got sick.
    I expected more from this author.
    This was neither funny nor clever.
    They charged us twice and refused to apologise.
    The music was so bad that we left early.
    A dull, predictable story with no heart.
    The bathroom smelled awful.
    I tried to like it, but I just couldn't.
    My father was very unhappy with the repair.
"""
