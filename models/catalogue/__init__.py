"""What models/fetch and models/export share: cards, downloads, licences, and the making of files.

cards      reads and checks the cards, and gives each variant its whole card
sidecar    writes one variant's card as the file that lies beside a model
store      where files are kept, locks, hashes, and what was trusted at the first download
sources    where a URL is really fetched from: mirrors and endpoints
transfer   gets one file: resumed, retried, checked, renamed into place
obtain     all of these for one file that a card names
consent    shows a licence and asks
terminal   what is said to the user: lines, progress, errors

recipe, environment, worker/ belong to models/export: worker/ runs in a virtual environment of its
own, everything else on the Python standard library alone.
"""
